#include "server/topology/moved.h"

#include <vector>

#include "server/topology/sections.h"

namespace dmgr::topology {
namespace {

template <typename Server>
void Move(const NewPlace& place, Server* server) {
  server->clear_name();
  v1::Placement* placement = server->mutable_placement();
  if constexpr (requires { server->listen_host(); }) {
    const std::string& listens = server->listen_host();
    if (!listens.empty() && (listens == placement->host() || listens == placement->manage_host())) {
      server->set_listen_host(place.host);
    }
  }
  placement->set_host(place.host);
  placement->set_manage_host(place.manage_host);
  placement->set_ssh_port(static_cast<std::uint32_t>(place.ssh_port));
}

}  // namespace

v1::Topology MovedServers(const Cluster& cluster, const v1::Topology& recorded,
                          const std::string& machine_id, const NewPlace& place) {
  std::vector<Instance> others;
  for (const Instance& instance : cluster.instances) {
    if (instance.machine_id != machine_id) others.push_back(instance);
  }
  v1::Topology moved = recorded;
  moved.clear_global();
  moved.clear_server_configs();
  KeepWriteOnly(cluster, recorded, &moved);
  RemoveServers(others, &moved);
  ForEachSection([&](const auto& section) {
    for (auto& server : section.Of(&moved)) Move(place, &server);
  });
  return moved;
}

const Instance* OriginOf(const Cluster& cluster, const std::string& machine_id,
                         const Instance& moved) {
  for (const Instance* instance : cluster.OnMachine(machine_id)) {
    if (instance->component == moved.component && instance->port == moved.port) return instance;
  }
  return nullptr;
}

}  // namespace dmgr::topology
