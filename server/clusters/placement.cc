#include "server/clusters/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "common/error.h"
#include "server/package/program_version.h"

namespace dmgr::operations {
namespace {

using topology::Component;

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

void AddUnique(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

bool IsBelowOrEqual(const std::string& outer, const std::string& path) {
  return topology::Contains(outer, path);
}

// Where the run scripts find it.
constexpr const char* kNumactl[] = {"/usr/bin/numactl", "/usr/local/bin/numactl", "/bin/numactl"};

using PathStates = std::map<std::string, const hv1::PathState*>;

bool IsThere(const PathStates& states, const std::string& path) {
  const auto it = states.find(path);
  return it != states.end() && it->second->type() != hv1::PathState::TYPE_ABSENT;
}

}  // namespace

std::vector<std::string> DirsOf(const topology::Instance& instance) {
  const std::string& deploy = instance.deploy_dir;
  std::vector<std::string> dirs = {deploy,           deploy + "/bin",   deploy + "/scripts",
                                   deploy + "/conf", instance.data_dir, instance.log_dir};
  if (instance.component == Component::kGrafana) {
    for (const char* name : {"/plugins", "/dashboards", "/provisioning",
                             "/provisioning/datasources", "/provisioning/dashboards"}) {
      dirs.push_back(deploy + name);
    }
  }
  return dirs;
}

std::vector<hv1::Dir> DirsToMake(const topology::Cluster& cluster, const std::string& machine_id) {
  std::vector<hv1::Dir> dirs;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& path : DirsOf(*instance)) {
      hv1::Dir dir;
      dir.set_path(path);
      dir.set_mode(0755);
      dir.set_owner(cluster.user);
      dir.set_group(cluster.group);
      dirs.push_back(std::move(dir));
    }
  }
  return dirs;
}

const v1::PackageComponent* FindComponent(const v1::Package& package, std::string_view component) {
  for (const auto& part : package.components()) {
    if (part.component() == component) return &part;
  }
  return nullptr;
}

std::vector<hv1::Placement> PlacementsOf(const topology::Instance& instance,
                                         const v1::PackageComponent& release) {
  std::vector<std::string> sources;
  for (const auto& file : release.files()) {
    const auto slash = file.path().find('/');
    if (slash == std::string::npos) continue;
    const std::string top = file.path().substr(0, slash);
    // Programs are linked one by one, since bin/ itself is the instance's; other trees as a whole.
    AddUnique(sources, top == "bin" ? file.path() : top);
  }
  const std::string_view program = package::ProgramOf(topology::Name(instance.component));
  std::vector<hv1::Placement> placements;
  for (const auto& source : sources) {
    if (source == "plugins") continue;  // Grafana writes there.
    hv1::Placement placement;
    const bool patched = source == program && !instance.patch.empty();
    placement.set_hash(patched ? instance.patch : release.release_hash());
    placement.set_source(source);
    placement.set_target(instance.deploy_dir + "/" + source);
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::vector<hv1::CheckFile> ChecksOf(const topology::Cluster& cluster,
                                     const topology::Instance& instance,
                                     const v1::PackageComponent& release,
                                     const std::string& store_dir) {
  hv1::CheckFile check;
  if (instance.component == Component::kPrometheus) {
    check.set_program("bin/promtool");
    for (const char* word : {"check", "config"}) check.add_arguments(word);
    if (instance.monitoring.enable_prom_agent_mode()) check.add_arguments("--agent");
    // With the rules that it names.
    check.set_path(instance.deploy_dir + "/conf/prometheus.yml");
  } else if (instance.component == Component::kAlertmanager) {
    check.set_program("bin/amtool");
    check.add_arguments("check-config");
    check.set_path(instance.deploy_dir + "/conf/alertmanager.yml");
  }
  const auto& files = release.files();
  const bool has = std::any_of(files.begin(), files.end(),
                               [&](const auto& file) { return file.path() == check.program(); });
  if (!has) return {};
  check.set_store_dir(store_dir);
  check.set_hash(release.release_hash());
  check.set_user(cluster.user);
  check.set_group(cluster.group);
  return {check};
}

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

HostBefore MakeBefore(const topology::Cluster& cluster, const std::string& machine_id,
                      const hv1::InspectReply& seen) {
  HostBefore before;
  before.user_existed = seen.user_exists();
  before.group_existed = seen.group_exists();
  std::map<std::string, const hv1::PathState*> states;
  for (const auto& state : seen.paths()) {
    states[state.path()] = &state;
    if (state.type() == hv1::PathState::TYPE_ABSENT) before.absent.push_back(state.path());
  }
  std::map<std::uint64_t, std::string> store_of_device;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    auto it = states.find(instance->deploy_dir);
    if (it == states.end()) continue;
    const std::string& parent = it->second->root_only_parent();
    auto [store, added] = store_of_device.emplace(
        it->second->device(), (parent == "/" ? "" : parent) + "/.dmgr/releases");
    before.stores[instance->deploy_dir] = store->second;
  }
  return before;
}

std::string ToJson(const HostBefore& before) {
  return nlohmann::json{{"user_existed", before.user_existed},
                        {"group_existed", before.group_existed},
                        {"absent", before.absent},
                        {"stores", before.stores}}
      .dump();
}

absl::StatusOr<HostBefore> HostBeforeFromJson(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  HostBefore before;
  try {
    parsed.at("user_existed").get_to(before.user_existed);
    parsed.at("group_existed").get_to(before.group_existed);
    parsed.at("absent").get_to(before.absent);
    parsed.at("stores").get_to(before.stores);
  } catch (const nlohmann::json::exception& e) {
    return Error(absl::StatusCode::kInternal, "HOST_RECORD_UNREADABLE",
                 "the record of what was on the host before cannot be read: {}", e.what());
  }
  return before;
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

hv1::RemoveCluster RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                             const HostBefore& before, const std::string& public_key) {
  hv1::RemoveCluster removal;
  const std::set<std::string> absent(before.absent.begin(), before.absent.end());
  std::vector<std::string> made;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    removal.add_units(instance->Unit());
    for (const auto& dir : DirsOf(*instance)) {
      if (absent.count(dir) == 0) continue;
      const bool covered = std::any_of(made.begin(), made.end(), [&](const std::string& outer) {
        return IsBelowOrEqual(outer, dir);
      });
      if (!covered) made.push_back(dir);
    }
  }
  for (const auto& dir : made) removal.add_dirs(dir);
  for (const auto& path : before.absent) {
    const bool parent = std::any_of(made.begin(), made.end(), [&](const std::string& dir) {
      return path != dir && IsBelowOrEqual(path, dir);
    });
    if (parent) removal.add_parents(path);
  }
  // Deepest first.
  std::sort(removal.mutable_parents()->begin(), removal.mutable_parents()->end(),
            [](const std::string& a, const std::string& b) {
              return a.size() != b.size() ? a.size() > b.size() : a < b;
            });
  removal.set_user(cluster.user);
  removal.set_public_key(public_key);
  std::vector<std::string> stores;
  for (const auto& [deploy_dir, store] : before.stores) AddUnique(stores, store);
  for (const auto& store : stores) removal.add_store_dirs(store);
  return removal;
}

hv1::RemoveCluster PartialRemovalOf(const topology::Cluster& cluster,
                                    const topology::Cluster& leaving, const std::string& machine_id,
                                    const HostBefore& before, const std::string& public_key,
                                    const v1::Package& package) {
  std::vector<std::string> names;
  for (const auto& instance : leaving.instances) names.push_back(instance.name);
  const topology::Cluster rest = topology::Without(cluster, names);
  const auto staying = rest.OnMachine(machine_id);
  if (staying.empty()) return RemovalOf(leaving, machine_id, before, public_key);
  std::set<Component> needed;
  std::set<std::string> patches;
  for (const auto* instance : staying) {
    needed.insert(instance->component);
    patches.insert(instance->patch);
  }
  HostBefore own = before;
  own.stores.clear();
  std::set<std::string> hashes;
  for (const auto* instance : leaving.OnMachine(machine_id)) {
    auto store = before.stores.find(instance->deploy_dir);
    if (store != before.stores.end()) own.stores.insert(*store);
    if (!instance->patch.empty() && !patches.contains(instance->patch)) {
      hashes.insert(instance->patch);
    }
    const auto* release = FindComponent(package, topology::Name(instance->component));
    if (release == nullptr || needed.count(instance->component) != 0) continue;
    hashes.insert(release->release_hash());
  }
  hv1::RemoveCluster removal = RemovalOf(leaving, machine_id, own, "");
  removal.set_keep_cluster(true);
  for (const auto& hash : hashes) removal.add_hashes(hash);
  return removal;
}

HostBefore Merge(const HostBefore& first, const HostBefore& later) {
  HostBefore merged = first;
  for (const auto& path : later.absent) AddUnique(merged.absent, path);
  merged.stores.insert(later.stores.begin(), later.stores.end());
  return merged;
}

HostBefore Reduce(const HostBefore& before, const topology::Cluster& left,
                  const std::string& machine_id) {
  HostBefore reduced = before;
  reduced.stores.clear();
  std::vector<std::string> dirs;
  for (const auto* instance : left.OnMachine(machine_id)) {
    for (auto& dir : DirsOf(*instance)) dirs.push_back(std::move(dir));
    auto store = before.stores.find(instance->deploy_dir);
    if (store != before.stores.end()) reduced.stores.insert(*store);
  }
  std::erase_if(reduced.absent, [&](const std::string& path) {
    return std::none_of(dirs.begin(), dirs.end(),
                        [&](const std::string& dir) { return IsBelowOrEqual(path, dir); });
  });
  return reduced;
}

}  // namespace dmgr::operations
