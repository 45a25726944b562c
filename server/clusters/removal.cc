#include "server/clusters/removal.h"

#include <algorithm>
#include <set>
#include <vector>

#include "server/clusters/placement.h"

namespace dmgr::clusters {

using topology::Component;

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
        return topology::Contains(outer, dir);
      });
      if (!covered) made.push_back(dir);
    }
  }
  for (const auto& dir : made) removal.add_dirs(dir);
  for (const auto& path : before.absent) {
    const bool parent = std::any_of(made.begin(), made.end(), [&](const std::string& dir) {
      return path != dir && topology::Contains(path, dir);
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
  std::set<std::string> stores;
  for (const auto& [deploy_dir, store] : before.stores) stores.insert(store);
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

}  // namespace dmgr::clusters
