// Which entry of a topology an instance was made of. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_MADE_OF_H_
#define DMGR_SERVER_TOPOLOGY_MADE_OF_H_

#include "server/topology/sections.h"

namespace dmgr::topology {

template <typename Server>
bool MadeOf(const Instance& instance, const Server& server) {
  if (!server.name().empty()) return server.name() == instance.DmName();
  const components::Port& service = components::TraitsOf(instance.component).service_port();
  const int port = static_cast<int>(PortIn(server, service.field));
  const std::string& host = server.placement().host();
  return (host == instance.host || host == instance.machine_id) &&
         (port == 0 ? service.usual : port) == instance.port;
}

// nullptr when there is none.
template <typename Servers>
auto FindServer(const Instance& instance, const Servers& servers) -> decltype(&*servers.begin()) {
  for (const auto& server : servers) {
    if (MadeOf(instance, server)) return &server;
  }
  return nullptr;
}

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_MADE_OF_H_
