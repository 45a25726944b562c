#include "server/topology/topology.h"

#include <fmt/format.h>

#include <unordered_set>

namespace dmgr::topology {

std::string_view Name(Component component) {
  switch (component) {
    case Component::kDmMaster:
      return "dm-master";
    case Component::kDmWorker:
      return "dm-worker";
    case Component::kPrometheus:
      return "prometheus";
    case Component::kAlertmanager:
      return "alertmanager";
    case Component::kGrafana:
      return "grafana";
  }
  return "unknown";
}

std::optional<Component> ParseComponent(std::string_view name) {
  for (Component component : kComponents) {
    if (Name(component) == name) return component;
  }
  return std::nullopt;
}

std::string JoinHostPort(std::string_view host, int port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Instance::Unit() const { return fmt::format("{}-{}.service", Name(component), port); }

std::string Instance::NodeId() const { return JoinHostPort(host, port); }

std::vector<int> Instance::Ports() const {
  std::vector<int> ports;
  for (int candidate : {port, peer_port, cluster_port}) {
    if (candidate != 0) ports.push_back(candidate);
  }
  return ports;
}

std::vector<const Instance*> Cluster::Of(Component component) const {
  std::vector<const Instance*> found;
  for (const Instance& instance : instances) {
    if (instance.component == component) found.push_back(&instance);
  }
  return found;
}

std::vector<const Instance*> Cluster::OnMachine(std::string_view machine_id) const {
  std::vector<const Instance*> found;
  for (const Instance& instance : instances) {
    if (instance.machine_id == machine_id) found.push_back(&instance);
  }
  return found;
}

std::vector<std::string> Cluster::MachineIds() const {
  std::vector<std::string> ids;
  std::unordered_set<std::string_view> seen;
  for (const Instance& instance : instances) {
    if (seen.insert(instance.machine_id).second) ids.push_back(instance.machine_id);
  }
  return ids;
}

}  // namespace dmgr::topology
