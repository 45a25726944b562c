#include "server/topology/topology.h"

#include <fmt/format.h>

#include <unordered_set>

#include "common/address.h"
#include "common/components/traits.h"

namespace dmgr::topology {

namespace {

constexpr std::string_view kBesideMaster = "@dm-worker";

}  // namespace

std::string NameBesideMaster(const std::string& name) { return name + std::string(kBesideMaster); }

std::string DmNameOf(const std::string& name) {
  return name.ends_with(kBesideMaster) ? name.substr(0, name.size() - kBesideMaster.size()) : name;
}

std::string Instance::DmName() const { return DmNameOf(name); }

std::string Instance::Unit() const { return fmt::format("{}-{}.service", Name(component), port); }

std::string Instance::NodeId() const { return JoinHostPort(host, port); }

std::string Instance::PathOf(std::string_view source) const {
  constexpr std::string_view kBin = "bin/";
  const std::string_view folder = components::TraitsOf(component).tiup_folder;
  if (!tiup_shape || folder.empty() || !source.starts_with(kBin)) {
    return fmt::format("{}/{}", deploy_dir, source);
  }
  return fmt::format("{}/{}{}/{}", deploy_dir, kBin, folder, source.substr(kBin.size()));
}

bool Instance::IsDm() const {
  return components::TraitsOf(component).dm_role != components::DmRole::kNone;
}

std::vector<int> Instance::Ports() const {
  std::vector<int> ports;
  for (const components::Port& one : components::TraitsOf(component).ports) {
    if (const int number = PortFor(one.use); number != 0) ports.push_back(number);
  }
  return ports;
}

int Instance::PortFor(components::PortUse use) const {
  switch (use) {
    case components::PortUse::kService:
      return port;
    case components::PortUse::kPeer:
      return peer_port;
    case components::PortUse::kCluster:
      return cluster_port;
  }
  return 0;
}

void Instance::SetPort(components::PortUse use, int value) {
  switch (use) {
    case components::PortUse::kService:
      port = value;
      break;
    case components::PortUse::kPeer:
      peer_port = value;
      break;
    case components::PortUse::kCluster:
      cluster_port = value;
      break;
  }
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
