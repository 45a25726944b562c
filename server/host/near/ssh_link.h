// A link over an SSH channel.
#ifndef DMGR_SERVER_HOST_NEAR_SSH_LINK_H_
#define DMGR_SERVER_HOST_NEAR_SSH_LINK_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/host/near/link.h"
#include "server/ssh/session.h"

namespace dmgr::host {

class SshLink : public Link {
 public:
  // keep, if any, gets the session at the end unless it broke.
  SshLink(std::unique_ptr<ssh::Session> session, std::unique_ptr<ssh::Channel> channel,
          std::function<void(std::unique_ptr<ssh::Session>)> keep)
      : session_(std::move(session)), channel_(std::move(channel)), keep_(std::move(keep)) {}
  ~SshLink() override;

  absl::StatusOr<std::size_t> Write(std::string_view data, absl::Time deadline) override;
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time deadline) override;
  std::string Diagnosis() override;

 private:
  absl::StatusOr<std::size_t> Seen(absl::StatusOr<std::size_t> result);

  // The channel goes first.
  std::unique_ptr<ssh::Session> session_;
  std::unique_ptr<ssh::Channel> channel_;
  const std::function<void(std::unique_ptr<ssh::Session>)> keep_;
  bool usable_ = true;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_SSH_LINK_H_
