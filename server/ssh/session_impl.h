// What sessions and channels share, for this room only.
#ifndef DMGR_SERVER_SSH_SESSION_IMPL_H_
#define DMGR_SERVER_SSH_SESSION_IMPL_H_

#include <string>

#include "server/ssh/handles.h"

namespace dmgr::ssh {

struct Session::Impl {
  // host:port, for messages.
  std::string name;
  std::string host_key;
  // The event goes first: it hands its descriptor back to the session.
  Handle<ssh_session> session;
  Handle<ssh_event> event;

  absl::Status Handshake(const Endpoint& endpoint, absl::Time deadline);
  absl::Status CheckHostKey(const std::string& pinned);
  // From here on no call blocks but Pump().
  absl::Status StopBlocking();
  // Waits until the connection has something to read, or to write what is pending, and handles it.
  // Returns after deadline at the latest. An error: the connection is gone.
  absl::Status Pump(absl::Time deadline);
  absl::Status Lost() const;
};

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_SESSION_IMPL_H_
