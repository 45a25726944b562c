#include "server/topology/moved.h"

#include <vector>

#include "server/topology/made_of.h"
#include "server/topology/sections.h"
#include "server/topology/values.h"

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

// What an instance listens on where the topology says nothing.
std::string AnyAddress(const std::string& host) { return IsIpv6(host) ? "::" : "0.0.0.0"; }

// visit(instance, server) for what runs on the machine, and what it was made of.
template <typename Visit>
void ForEachServerOn(const std::string& machine_id, Cluster* cluster, v1::Topology* topology,
                     Visit visit) {
  ForEachSection([&](const auto& section) {
    for (auto& server : section.Of(topology)) {
      for (Instance& instance : cluster->instances) {
        if (instance.machine_id != machine_id || instance.component != section.component) continue;
        if (!MadeOf(instance, server)) continue;
        visit(&instance, &server);
        break;
      }
    }
  });
}

// Both kinds of instances on the machine.
template <typename Visit>
void ForEachOn(const std::string& machine_id, Cluster* cluster, Visit visit) {
  for (auto* instances : {&cluster->instances, &cluster->borrowed}) {
    for (Instance& instance : *instances) {
      if (instance.machine_id == machine_id) visit(&instance);
    }
  }
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

void Readdress(const std::string& machine_id, const NewPlace& place, Cluster* cluster,
               v1::Topology* topology) {
  ForEachServerOn(machine_id, cluster, topology, [&](Instance* instance, auto* server) {
    // A machine id may stand there for the address.
    server->mutable_placement()->set_host(instance->host);
    Move(place, server);
    server->set_name(instance->DmName());
  });
  ForEachOn(machine_id, cluster, [&](Instance* instance) {
    const auto is_former = [&](const std::string& listens) {
      return !listens.empty() && (listens == instance->host || listens == instance->manage_host);
    };
    if (is_former(topology->global().listen_host())) {
      topology->mutable_global()->set_listen_host(place.host);
    }
    if (is_former(instance->alertmanager.listen_host())) {
      instance->alertmanager.set_listen_host(place.host);
    }
    if (is_former(instance->listen_host)) {
      instance->listen_host = place.host;
    } else if (instance->listen_host == AnyAddress(instance->host)) {
      instance->listen_host = AnyAddress(place.host);
    }
    instance->host = place.host;
    instance->manage_host = place.manage_host.empty() ? place.host : place.manage_host;
  });
}

bool ReachAt(const NewAccess& access, Cluster* cluster, v1::Topology* topology) {
  bool changed = false;
  ForEachServerOn(access.machine_id, cluster, topology, [&](Instance* instance, auto* server) {
    if (instance->manage_host != access.former_host) return;
    v1::Placement* placement = server->mutable_placement();
    const auto port = static_cast<std::uint32_t>(access.ssh_port);
    const bool is_same = access.host == access.former_host && placement->ssh_port() == port;
    if (is_same) return;
    placement->set_host(instance->host);
    placement->set_manage_host(access.host == instance->host ? "" : access.host);
    placement->set_ssh_port(port);
    changed = true;
  });
  ForEachOn(access.machine_id, cluster, [&](Instance* instance) {
    if (instance->manage_host != access.former_host) return;
    changed = changed || access.host != access.former_host;
    instance->manage_host = access.host;
  });
  return changed;
}

const Instance* OriginOf(const Cluster& cluster, const std::string& machine_id,
                         const Instance& moved) {
  for (const Instance* instance : cluster.OnMachine(machine_id)) {
    if (instance->component == moved.component && instance->port == moved.port) return instance;
  }
  return nullptr;
}

}  // namespace dmgr::topology
