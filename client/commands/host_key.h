// The host key of a machine, before anything secret goes there.
#ifndef DMGR_CLIENT_COMMANDS_HOST_KEY_H_
#define DMGR_CLIENT_COMMANDS_HOST_KEY_H_

#include <string>

#include "client/environment.h"
#include "client/syntax.h"

namespace dmgr::client {

struct HostKeyOptions {
  // "SHA256:...", or the key itself.
  std::string host_key;
  std::string known_hosts;
  // The machine that the host is reached through; empty: directly.
  std::string via;
};
void DeclareHostKey(const Syntax& syntax, HostKeyOptions* options);

// Takes the key of the host from --known-hosts, when that was given: the host must show one of
// those that are in the file.
absl::Status ReadKnownHosts(Environment& environment, const std::string& host, unsigned port,
                            HostKeyOptions* options);

// Shows the key of a host of which none was named, and asks whether it is the right one; false: it
// is not. INVALID_ARGUMENT, NO_HOST_KEY, with the key that the host shows, when nobody can be asked
// or
// --yes says that nobody shall be.
absl::StatusOr<bool> ConfirmHostKey(Environment& environment, const std::string& host,
                                    unsigned port, bool yes, HostKeyOptions* options);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_HOST_KEY_H_
