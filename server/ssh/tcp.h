// The TCP connection below a session.
#ifndef DMGR_SERVER_SSH_TCP_H_
#define DMGR_SERVER_SSH_TCP_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::ssh {

// Until when to wait, and what may end that earlier.
class Limit {
 public:
  // cancelled is asked several times a second; empty: never.
  Limit(absl::Time deadline, std::function<bool()> cancelled)
      : deadline_(deadline), cancelled_(std::move(cancelled)) {}
  bool Cancelled() const { return cancelled_ && cancelled_(); }
  bool Passed() const;
  absl::Time deadline() const { return deadline_; }
  const std::function<bool()>& cancelled() const { return cancelled_; }
  // What is left, but no more than this.
  Limit AtMost(absl::Duration duration) const;
  // What is left, divided.
  Limit Share(int parts) const;
  // For one call of poll(2), which is to be repeated until Passed().
  int Milliseconds() const;

 private:
  absl::Time deadline_;
  std::function<bool()> cancelled_;
};

// Looks the host up (a name, IPv4 or IPv6) and connects to the first address that answers. Returns
// the descriptor of a socket on which a dead peer ends reads and writes within half a minute.
// Errors: UNAVAILABLE, HOST_UNREACHABLE; CANCELLED.
absl::StatusOr<int> ConnectTcp(const std::string& host, int port, const Limit& limit);

// Milliseconds from now to deadline for poll(2): 0 when it has passed, at most a minute.
int PollMilliseconds(absl::Time deadline);

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_TCP_H_
