#include "server/topology/sections.h"

namespace dmgr::topology {

std::uint32_t PortIn(const google::protobuf::Message& server, std::string_view field) {
  const auto* descriptor = server.GetDescriptor()->FindFieldByName(std::string(field));
  return server.GetReflection()->GetUInt32(server, descriptor);
}

void SetPortIn(std::string_view field, std::uint32_t port, google::protobuf::Message* server) {
  const auto* descriptor = server->GetDescriptor()->FindFieldByName(std::string(field));
  server->GetReflection()->SetUInt32(server, descriptor, port);
}

}  // namespace dmgr::topology
