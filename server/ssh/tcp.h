// The TCP connection below a session.
#ifndef DMGR_SERVER_SSH_TCP_H_
#define DMGR_SERVER_SSH_TCP_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::ssh {

// Looks the host up (a name, IPv4 or IPv6) and connects to the first address that answers. Returns
// the descriptor of a socket on which a dead peer ends reads and writes within half a minute.
// Errors: UNAVAILABLE, HOST_UNREACHABLE.
absl::StatusOr<int> ConnectTcp(const std::string& host, int port, absl::Time deadline);

// "host:port", with an IPv6 address in brackets.
std::string HostAndPort(const std::string& host, int port);

// Milliseconds from now to deadline for poll(2): 0 when it has passed, at most a minute.
int PollMilliseconds(absl::Time deadline);

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_TCP_H_
