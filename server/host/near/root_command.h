// Commands that run as root on a host, through sudo where the login is not root; or as the login,
// where there is no root.
#ifndef DMGR_SERVER_HOST_NEAR_ROOT_COMMAND_H_
#define DMGR_SERVER_HOST_NEAR_ROOT_COMMAND_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/host/near/far_end.h"
#include "server/ssh/session.h"

namespace dmgr::host {

// How much is kept of what a command on a host says, in bytes.
inline constexpr std::size_t kMaxWords = 1000;

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A command that was started. It runs, or it ended before it printed its marker.
struct Started {
  // Null when it ended.
  std::unique_ptr<ssh::Channel> channel;
  // What it printed after the marker.
  std::string rest;
  // When it ended: its exit status, and what it or the shell wrote to stderr.
  int exit_status = 0;
  std::string words{};
};

class RootCommands {
 public:
  // The session must outlive this object and the channels that it gives.
  RootCommands(ssh::Session* session, std::string host, RootAccess root)
      : session_(session), host_(std::move(host)), root_(std::move(root)) {}

  // Starts a command of fixed words and validated paths and waits until it prints `marker`; gives
  // sudo its password if it asks. PERMISSION_DENIED, SUDO_REFUSED.
  absl::StatusOr<Started> Start(const std::string& command, const std::string& marker,
                                absl::Time deadline);

 private:
  bool BySudo() const { return !root_.is_root && !root_.without_root; }
  absl::Status AnswerPrompt(ssh::Channel& channel, const std::string& prompt, bool* answered,
                            absl::Time deadline);
  absl::StatusOr<Started> Ended(ssh::Channel& channel, const std::string& prompt,
                                const std::string& command, absl::Time deadline);
  absl::Status SudoRefused(const std::string& words, const std::string& remedy) const;

  ssh::Session* const session_;
  const std::string host_;
  const RootAccess root_;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_ROOT_COMMAND_H_
