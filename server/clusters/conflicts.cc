#include "server/clusters/conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

#include "server/clusters/placement.h"

namespace dmgr::clusters {
namespace {

using PathStates = std::map<std::string, const hv1::PathState*>;

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Where the run scripts find it.
constexpr const char* kNumactl[] = {"/usr/bin/numactl", "/usr/local/bin/numactl", "/bin/numactl"};

bool IsThere(const PathStates& states, const std::string& path) {
  const auto it = states.find(path);
  return it != states.end() && it->second->type() != hv1::PathState::TYPE_ABSENT;
}

}  // namespace

hv1::Inspect InspectionOf(const topology::Cluster& cluster, const std::string& machine_id) {
  hv1::Inspect inspect;
  inspect.set_user(cluster.user);
  inspect.set_group(cluster.group);
  std::set<std::string> paths;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& dir : DirsOf(*instance)) {
      for (std::string path = dir; path != "/"; path = ParentOf(path)) paths.insert(path);
    }
    if (!instance->numa_node.empty()) paths.insert(std::begin(kNumactl), std::end(kNumactl));
    inspect.add_units(instance->Unit());
    for (int port : instance->Ports()) inspect.add_ports(static_cast<std::uint32_t>(port));
  }
  for (const auto& path : paths) inspect.add_paths(path);
  return inspect;
}

std::vector<std::string> StartConflicts(const std::vector<const topology::Instance*>& instances,
                                        const hv1::InspectReply& seen) {
  std::vector<std::string> conflicts;
  for (const auto* instance : instances) {
    for (int port : instance->Ports()) {
      for (const auto& state : seen.ports()) {
        if (static_cast<int>(state.port()) != port || state.unit() == instance->Unit()) continue;
        conflicts.push_back(fmt::format(
            "port {} of {} {} is in use by {}", port, topology::Name(instance->component),
            instance->name,
            state.listener().empty() ? std::string("another process") : state.listener()));
      }
    }
  }
  return conflicts;
}

std::vector<std::string> DeployConflicts(const topology::Cluster& cluster,
                                         const std::string& machine_id,
                                         const hv1::InspectReply& seen) {
  const auto instances = cluster.OnMachine(machine_id);
  std::vector<std::string> conflicts = StartConflicts(instances, seen);
  if (cluster.skip_create_user && !seen.user_exists()) {
    conflicts.push_back(
        fmt::format("user {} does not exist, and it is not to be created", cluster.user));
  }
  for (const auto& unit : seen.units()) {
    if (unit.loaded()) {
      conflicts.push_back(fmt::format("unit {} is there already", unit.unit()));
    }
  }
  PathStates states;
  for (const auto& state : seen.paths()) states[state.path()] = &state;
  const bool numactl = std::any_of(std::begin(kNumactl), std::end(kNumactl),
                                   [&](const char* path) { return IsThere(states, path); });
  for (const auto* instance : instances) {
    if (!instance->numa_node.empty() && !numactl) {
      conflicts.push_back(
          fmt::format("{} has a numa_node, and numactl is not installed", instance->name));
    }
    for (const auto& dir : DirsOf(*instance)) {
      auto it = states.find(dir);
      if (it == states.end() || it->second->type() == hv1::PathState::TYPE_ABSENT) continue;
      if (it->second->type() != hv1::PathState::TYPE_DIRECTORY) {
        conflicts.push_back(fmt::format("{} of {} is not a directory", dir, instance->name));
      } else if (dir != instance->deploy_dir && !it->second->empty()) {
        conflicts.push_back(fmt::format("{} of {} is not empty", dir, instance->name));
      }
    }
  }
  return conflicts;
}

}  // namespace dmgr::clusters
