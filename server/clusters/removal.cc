#include "server/clusters/removal.h"

#include <algorithm>
#include <set>
#include <vector>

#include "server/clusters/placement.h"

namespace dmgr::clusters {
namespace {

using topology::Component;

// Outermost directories that dmgr made for the cluster's instances on a machine.
std::vector<std::string> MadeDirs(const topology::Cluster& cluster, const std::string& machine_id,
                                  const HostBefore& before) {
  const std::set<std::string> absent(before.absent.begin(), before.absent.end());
  std::vector<std::string> made;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& dir : DirsOf(*instance)) {
      if (absent.count(dir) == 0) continue;
      const bool covered = std::any_of(made.begin(), made.end(), [&](const std::string& outer) {
        return topology::Contains(outer, dir);
      });
      if (!covered) made.push_back(dir);
    }
  }
  return made;
}

// Directories that dmgr made on the way to these, deepest first.
std::vector<std::string> MadeParents(const std::vector<std::string>& made,
                                     const HostBefore& before) {
  std::vector<std::string> parents;
  for (const auto& path : before.absent) {
    const bool parent = std::any_of(made.begin(), made.end(), [&](const std::string& dir) {
      return path != dir && topology::Contains(path, dir);
    });
    if (parent) parents.push_back(path);
  }
  std::sort(parents.begin(), parents.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  return parents;
}

hv1::RemovePaths PathsOf(const topology::Cluster& cluster, const std::string& machine_id,
                         const std::vector<std::string>& made) {
  hv1::RemovePaths paths;
  for (const auto* instance : cluster.OnMachine(machine_id)) paths.add_units(instance->Unit());
  *paths.mutable_dirs() = {made.begin(), made.end()};
  paths.set_user(cluster.user);
  return paths;
}

// What only the leaving instances run.
hv1::DropReleases ReleasesOf(const std::vector<const topology::Instance*>& leaving,
                             const std::vector<const topology::Instance*>& staying,
                             const HostBefore& before, const v1::Package& package) {
  std::set<Component> needed;
  std::set<std::string> patches;
  for (const auto* instance : staying) {
    needed.insert(instance->component);
    patches.insert(instance->patch);
  }
  std::set<std::string> stores;
  std::set<std::string> hashes;
  for (const auto* instance : leaving) {
    const auto store = before.stores.find(instance->deploy_dir);
    if (store != before.stores.end()) stores.insert(store->second);
    if (!instance->patch.empty() && !patches.contains(instance->patch)) {
      hashes.insert(instance->patch);
    }
    const auto* release = FindComponent(package, topology::Name(instance->component));
    if (release == nullptr || needed.contains(instance->component)) continue;
    hashes.insert(release->release_hash());
  }
  hv1::DropReleases drop;
  *drop.mutable_store_dirs() = {stores.begin(), stores.end()};
  *drop.mutable_hashes() = {hashes.begin(), hashes.end()};
  return drop;
}

}  // namespace

hv1::Batch RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                     const HostBefore& before, const std::string& public_key) {
  const auto made = MadeDirs(cluster, machine_id, before);
  hv1::Batch batch;
  *batch.add_requests()->mutable_remove_paths() = PathsOf(cluster, machine_id, made);
  auto* leave = batch.add_requests()->mutable_leave_cluster();
  leave->set_user(cluster.user);
  leave->set_public_key(public_key);
  std::set<std::string> stores;
  for (const auto& [deploy_dir, store] : before.stores) stores.insert(store);
  *leave->mutable_store_dirs() = {stores.begin(), stores.end()};
  const auto parents = MadeParents(made, before);
  *leave->mutable_parents() = {parents.begin(), parents.end()};
  return batch;
}

hv1::Batch PartialRemovalOf(const topology::Cluster& cluster, const topology::Cluster& leaving,
                            const std::string& machine_id, const HostBefore& before,
                            const std::string& public_key, const v1::Package& package) {
  std::vector<std::string> names;
  for (const auto& instance : leaving.instances) names.push_back(instance.name);
  const topology::Cluster rest = topology::Without(cluster, names);
  const auto staying = rest.OnMachine(machine_id);
  if (staying.empty()) return RemovalOf(leaving, machine_id, before, public_key);
  const auto made = MadeDirs(leaving, machine_id, before);
  hv1::Batch batch;
  *batch.add_requests()->mutable_remove_paths() = PathsOf(leaving, machine_id, made);
  *batch.add_requests()->mutable_drop_releases() =
      ReleasesOf(leaving.OnMachine(machine_id), staying, before, package);
  // After the releases: a store may be in one of them.
  const auto parents = MadeParents(made, before);
  *batch.add_requests()->mutable_remove_paths()->mutable_parents() = {parents.begin(),
                                                                      parents.end()};
  return batch;
}

}  // namespace dmgr::clusters
