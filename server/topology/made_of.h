// Which entry of a topology an instance was made of. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_MADE_OF_H_
#define DMGR_SERVER_TOPOLOGY_MADE_OF_H_

#include "server/topology/topology.h"

namespace dmgr::topology {

inline std::uint32_t PortOf(const v1::AlertmanagerServer& server) { return server.web_port(); }
template <typename Server>
std::uint32_t PortOf(const Server& server) {
  return server.port();
}

inline int DefaultPort(Component component) {
  switch (component) {
    case Component::kDmMaster:
      return 8261;
    case Component::kDmWorker:
      return 8262;
    case Component::kPrometheus:
      return 9090;
    case Component::kAlertmanager:
      return 9093;
    default:
      return 3000;
  }
}

template <typename Server>
bool MadeOf(const Instance& instance, const Server& server) {
  if (!server.name().empty()) return server.name() == instance.name;
  const int port = static_cast<int>(PortOf(server));
  const std::string& host = server.placement().host();
  return (host == instance.host || host == instance.machine_id) &&
         (port == 0 ? DefaultPort(instance.component) : port) == instance.port;
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
