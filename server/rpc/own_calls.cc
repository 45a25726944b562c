#include "server/rpc/own_calls.h"

#include "common/ids.h"

namespace dmgr::rpc {
namespace {

constexpr std::string_view kPagePrefix = "page:";

// What begins the value of every such call.
const std::string& OwnCallsSecret() {
  static const std::string secret = HexEncode(RandomBytes(32)) + " ";
  return secret;
}

}  // namespace

std::string OnBehalfOf(const std::string& peer) { return OwnCallsSecret() + peer; }

std::optional<std::string> PeerBehind(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kOnBehalfOf);
  if (found == metadata.end()) return std::nullopt;
  const std::string value(found->second.data(), found->second.size());
  if (!value.starts_with(OwnCallsSecret())) return std::nullopt;
  return std::string(kPagePrefix) + value.substr(OwnCallsSecret().size());
}

}  // namespace dmgr::rpc
