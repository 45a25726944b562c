// Calls that dmgrd makes to its own API for somebody else, who looks at its page.
#ifndef DMGR_SERVER_RPC_OWN_CALLS_H_
#define DMGR_SERVER_RPC_OWN_CALLS_H_

#include <grpcpp/server_context.h>

#include <optional>
#include <string>

namespace dmgr::rpc {

// The key of the metadata that says from where who looks has come.
inline constexpr char kOnBehalfOf[] = "dmgr-on-behalf-of";
// Its value for a peer such as "ipv4:10.0.0.1:41234". It has a secret of this process: nobody else
// can say it.
std::string OnBehalfOf(const std::string& peer);
// The peer, as "page:ipv4:10.0.0.1:41234"; nullopt of a call that is none of dmgrd's own.
std::optional<std::string> PeerBehind(const grpc::ServerContextBase& context);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_OWN_CALLS_H_
