// The way to a host through another one. Private to this room.
#ifndef DMGR_SERVER_SSH_RELAY_H_
#define DMGR_SERVER_SSH_RELAY_H_

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/files.h"
#include "server/ssh/handles.h"
#include "server/ssh/session.h"
#include "server/ssh/tcp.h"

namespace dmgr::ssh {

// A channel of a session to the jump host, by which its sshd connects to the host, with a socket at
// this end: for libssh, which wants a descriptor, it is a connection like any other. A thread of
// its own carries the bytes, and is the only one that uses the session.
class Relay {
 public:
  // UNAVAILABLE, HOST_UNREACHABLE, when the jump host does not connect there; CANCELLED.
  static absl::StatusOr<std::unique_ptr<Relay>> Open(std::unique_ptr<Session> jump,
                                                     const std::string& host, int port,
                                                     const Limit& limit);
  // What is on its way to the host still goes, if that takes no more than a moment. The near end
  // must be closed.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // The end for the session to the host, which closes it. Once.
  int TakeNearEnd() { return std::exchange(near_, -1); }

 private:
  explicit Relay(std::unique_ptr<Session> jump) : jump_(std::move(jump)) {}
  absl::Status Connect(const std::string& host, int port, const Limit& limit);
  absl::Status Start();
  // Carries what there is, or waits for it; false when either side has ended.
  bool Step();
  // Each says whether something was carried; what ends it is in the fields.
  bool CarryOut();
  bool CarryIn();
  void Wait();
  bool IsPending() const;

  // First to be made, last to go.
  const std::unique_ptr<Session> jump_;
  Handle<ssh_channel> channel_;
  // -1: taken.
  int near_ = -1;
  Fd far_;
  // Of the thread alone: on the way to the host, and from it.
  std::string out_;
  std::string in_;
  // The near end is closed. Until then what is left may still go.
  absl::Time until_ = absl::InfiniteFuture();
  bool near_has_ended_ = false;
  bool host_has_ended_ = false;
  std::thread thread_;
};

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_RELAY_H_
