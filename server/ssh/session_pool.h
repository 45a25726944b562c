// Sessions that were in use a moment ago, for who comes next.
#ifndef DMGR_SERVER_SSH_SESSION_POOL_H_
#define DMGR_SERVER_SSH_SESSION_POOL_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ssh/session.h"

namespace dmgr::ssh {

// A login costs a host more than most of what is done in it (sshd's processes, PAM, the message of
// the day), and an operation comes right after the call that looked at its hosts. So a session
// stays for kIdle after its last use; nothing runs in it meanwhile.
// Thread-safe.
class SessionPool {
 public:
  static constexpr absl::Duration kIdle = absl::Seconds(10);

  SessionPool();
  // Closes all that are idle.
  ~SessionPool();
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  // An idle one to exactly this endpoint that still answers, or a new one. Errors as
  // Session::Connect.
  absl::StatusOr<std::unique_ptr<Session>> Connect(const Endpoint& endpoint, absl::Time deadline,
                                                   std::function<bool()> cancelled = {});
  // For the next one; no channel of it may be left.
  void Keep(const Endpoint& endpoint, std::unique_ptr<Session> session);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_SESSION_POOL_H_
