#include "server/topology/sections.h"

namespace dmgr::topology {

std::uint32_t PortIn(const google::protobuf::Message& server, std::string_view field) {
  const auto* descriptor = server.GetDescriptor()->FindFieldByName(std::string(field));
  return server.GetReflection()->GetUInt32(server, descriptor);
}

}  // namespace dmgr::topology
