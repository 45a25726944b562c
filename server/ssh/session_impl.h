// What sessions and channels share, for this room only.
#ifndef DMGR_SERVER_SSH_SESSION_IMPL_H_
#define DMGR_SERVER_SSH_SESSION_IMPL_H_

#include <memory>
#include <string>
#include <vector>

#include "server/ssh/handles.h"
#include "server/ssh/relay.h"

namespace dmgr::ssh {

struct Session::Impl {
  // host:port, for messages.
  std::string name;
  std::string user;
  std::string host_key;
  // What carries its bytes through a jump host; goes last. Null: it has a connection of its own.
  std::unique_ptr<Relay> relay;
  // The event goes first: it hands its descriptor back to the session.
  Handle<ssh_session> session;
  Handle<ssh_event> event;
  std::function<bool()> cancelled;
  absl::Duration max_opening = absl::InfiniteDuration();

  // Connects; returns the descriptor. Not yet the session.
  absl::StatusOr<int> OpenWay(const Endpoint& endpoint, const Limit& limit);
  // key_types: of host keys, those that are wanted most first. False: the host was silent
  // for as long as the patience with it lasts.
  absl::StatusOr<bool> TryHandshake(const Endpoint& endpoint,
                                    const std::vector<ssh_keytypes_e>& key_types,
                                    absl::Duration patience, const Limit& limit);
  absl::Status Handshake(const Endpoint& endpoint, const std::vector<ssh_keytypes_e>& key_types,
                         const Limit& limit);
  absl::Status CheckHostKey(const std::string& pinned);
  // From here on Pump() waits.
  absl::Status MakeEvent();
  // Waits until the connection has something to read, or to write what is pending, and handles it.
  // Returns after deadline at the latest. An error: the connection is gone, or what
  // it was for is cancelled.
  absl::Status Pump(absl::Time deadline);
  absl::Status Lost() const;
};

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_SESSION_IMPL_H_
