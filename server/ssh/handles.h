// Owners of libssh's objects, for this room only.
#ifndef DMGR_SERVER_SSH_HANDLES_H_
#define DMGR_SERVER_SSH_HANDLES_H_

#include <libssh/libssh.h>

#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/ssh/session.h"
#include "server/ssh/tcp.h"

namespace dmgr::ssh {

struct FreeHandle {
  // Not ssh_disconnect(): it leaves a descriptor that it was given open, while the error paths of
  // libssh close it; ssh_free() closes it exactly if it still is open.
  void operator()(ssh_session session) const { ssh_free(session); }
  void operator()(ssh_channel channel) const { ssh_channel_free(channel); }
  void operator()(ssh_event event) const { ssh_event_free(event); }
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
template <typename T>
using Handle = std::unique_ptr<std::remove_pointer_t<T>, FreeHandle>;

// libssh must be initialised before its first use, and never finalised while threads use it.
void InitLibrary();

// Reads a private key; passphrase may be empty. INVALID_ARGUMENT, BAD_PRIVATE_KEY.
absl::StatusOr<Handle<ssh_key>> ParsePrivateKey(const std::string& text,
                                                const std::string& passphrase);
// "ssh-ed25519 AAAA..." of a key; empty when it cannot be told.
std::string KeyLine(ssh_key key);
// nullptr for a malformed line.
Handle<ssh_key> ParseKeyLine(const std::string& line);
// "SHA256:...".
std::string KeyFingerprint(ssh_key key);

// Logs in on a connected session. The host's key has been accepted. `name` is for messages.
absl::Status LogIn(ssh_session session, const Endpoint& endpoint, ssh_key private_key,
                   const std::string& name, const Limit& limit);

// UNAVAILABLE, HOST_UNREACHABLE.
Error Unreachable(const std::string& name, const std::string& problem);
// What libssh says went wrong, which may hold what the host said.
std::string LibraryError(ssh_session session);
// Repeats a non-blocking call of libssh until it returns something else than `again`, waiting for
// the connection in between; returns `again` when the limit has passed.
int Await(ssh_session session, const Limit& limit, int again, const std::function<int()>& call);

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_HANDLES_H_
