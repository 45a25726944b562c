#include "server/clusters/removal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

template <typename Paths>
void DeepestFirst(Paths* paths) {
  std::sort(paths->begin(), paths->end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
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
  DeepestFirst(&parents);
  return parents;
}

// What only the leaving instances run.
void AddReleases(const std::vector<const topology::Instance*>& leaving,
                 const std::vector<const topology::Instance*>& staying, const HostBefore& before,
                 const v1::Package& package, pv1::HostRemoval* removal) {
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
    const auto* release = ReleaseFor(package, *instance);
    if (release == nullptr || needed.contains(instance->component)) continue;
    hashes.insert(release->release_hash());
  }
  *removal->mutable_store_dirs() = {stores.begin(), stores.end()};
  *removal->mutable_hashes() = {hashes.begin(), hashes.end()};
}

// What goes in any case, whether or not others stay.
pv1::HostRemoval PathsOf(const topology::Cluster& leaving, const std::string& machine_id,
                         const HostBefore& before) {
  pv1::HostRemoval removal;
  removal.set_user(leaving.user);
  removal.set_made_user(!before.user_existed);
  for (const auto* instance : leaving.OnMachine(machine_id)) {
    auto* out = removal.add_instances();
    out->set_name(instance->name);
    out->set_component(std::string(topology::Name(instance->component)));
    out->set_address(instance->NodeId());
    out->set_unit(instance->Unit());
  }
  const auto made = MadeDirs(leaving, machine_id, before);
  *removal.mutable_dirs() = {made.begin(), made.end()};
  const auto parents = MadeParents(made, before);
  *removal.mutable_parents() = {parents.begin(), parents.end()};
  return removal;
}

hv1::RemovePaths PathsRequest(const pv1::HostRemoval& removal) {
  hv1::RemovePaths paths;
  for (const auto& instance : removal.instances()) paths.add_units(instance.unit());
  *paths.mutable_dirs() = removal.dirs();
  paths.set_user(removal.user());
  return paths;
}

hv1::ControlUnits KillRequest(const pv1::HostRemoval& removal) {
  hv1::ControlUnits kill;
  kill.set_verb(hv1::ControlUnits::VERB_KILL);
  for (const auto& instance : removal.instances()) kill.add_units(instance.unit());
  return kill;
}

}  // namespace

pv1::HostRemoval RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                           const HostBefore& before, const std::string& public_key) {
  pv1::HostRemoval removal = PathsOf(cluster, machine_id, before);
  removal.set_leaves(true);
  removal.set_public_key(public_key);
  std::set<std::string> stores;
  for (const auto& [deploy_dir, store] : before.stores) stores.insert(store);
  *removal.mutable_store_dirs() = {stores.begin(), stores.end()};
  return removal;
}

pv1::HostRemoval RemovalOf(const topology::Cluster& cluster, const topology::Cluster& leaving,
                           const std::string& machine_id, const HostBefore& before,
                           const std::string& public_key, const v1::Package& package) {
  std::vector<std::string> names;
  for (const auto& instance : leaving.instances) names.push_back(instance.name);
  const topology::Cluster rest = topology::Without(cluster, names);
  const auto staying = rest.OnMachine(machine_id);
  if (staying.empty()) return RemovalOf(leaving, machine_id, before, public_key);
  pv1::HostRemoval removal = PathsOf(leaving, machine_id, before);
  AddReleases(leaving.OnMachine(machine_id), staying, before, package, &removal);
  return removal;
}

std::string WordsOf(const pv1::HostRemoval& removal) {
  std::vector<std::string> names;
  for (const auto& instance : removal.instances()) names.push_back(instance.name());
  std::vector<std::string> parts;
  if (!names.empty()) parts.push_back(fmt::format("{}", fmt::join(names, ", ")));
  if (!removal.dirs().empty()) parts.push_back(fmt::format("{}", fmt::join(removal.dirs(), ", ")));
  if (removal.leaves()) {
    parts.push_back(
        removal.made_user()
            ? fmt::format("user {} with its home, if nothing of others is in it", removal.user())
            : fmt::format("user {} stays", removal.user()));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

hv1::Batch RequestOf(const pv1::HostRemoval& removal) {
  hv1::Batch batch;
  *batch.add_requests()->mutable_remove_paths() = PathsRequest(removal);
  if (removal.leaves()) {
    auto* leave = batch.add_requests()->mutable_leave_cluster();
    leave->set_user(removal.user());
    leave->set_public_key(removal.public_key());
    *leave->mutable_store_dirs() = removal.store_dirs();
    *leave->mutable_parents() = removal.parents();
    return batch;
  }
  auto* drop = batch.add_requests()->mutable_drop_releases();
  *drop->mutable_store_dirs() = removal.store_dirs();
  *drop->mutable_hashes() = removal.hashes();
  // After the releases: a store may be in one of them.
  *batch.add_requests()->mutable_remove_paths()->mutable_parents() = removal.parents();
  return batch;
}

void NoteReleases(const topology::Instance& instance, const v1::Package& package,
                  const HostBefore& before, pv1::HostRemoval::Instance* removed) {
  for (auto& hash : ReleasesOf(instance, package)) removed->add_hashes(std::move(hash));
  const auto store = before.stores.find(instance.deploy_dir);
  if (store != before.stores.end()) removed->set_store_dir(store->second);
}

hv1::HandOver HandOverTo(const std::string& heir, const std::vector<std::string>& dirs,
                         const pv1::HostRemoval::Instance& removed) {
  hv1::HandOver given;
  given.set_heir(heir);
  given.add_units(removed.unit());
  *given.mutable_dirs() = {dirs.begin(), dirs.end()};
  *given.mutable_hashes() = removed.hashes();
  if (!removed.store_dir().empty()) given.add_store_dirs(removed.store_dir());
  return given;
}

std::vector<std::string> LeftBy(const hv1::BatchReply& reply) {
  std::set<std::string> left;
  std::vector<std::string> words;
  const auto add = [&](const std::string& path, const char* why) {
    // Two requests may name the same.
    if (left.insert(path).second) words.push_back(fmt::format("{}, {}", path, why));
  };
  for (const auto& part : reply.replies()) {
    for (const auto& path : part.remove_paths().left()) add(path, "since it is not dmgr's");
    const hv1::LeaveClusterReply& leave = part.leave_cluster();
    for (const auto& path : leave.left()) add(path, "since it is not dmgr's");
    if (leave.kept_user().empty()) continue;
    words.push_back(fmt::format("user {} with its home, since not all that is in it is dmgr's",
                                leave.kept_user()));
  }
  return words;
}

hv1::Batch EndAndRemove(const pv1::HostRemoval& removal) {
  hv1::Batch batch;
  *batch.add_requests()->mutable_control_units() = KillRequest(removal);
  batch.MergeFrom(RequestOf(removal));
  return batch;
}

hv1::Batch RequestOf(const std::vector<pv1::HostRemoval>& older, const pv1::HostRemoval& removal) {
  hv1::Batch batch;
  pv1::HostRemoval last = removal;
  for (const auto& one : older) {
    *batch.add_requests()->mutable_control_units() = KillRequest(one);
    *batch.add_requests()->mutable_remove_paths() = PathsRequest(one);
    last.mutable_parents()->MergeFrom(one.parents());
    last.mutable_store_dirs()->MergeFrom(one.store_dirs());
  }
  DeepestFirst(last.mutable_parents());
  batch.MergeFrom(RequestOf(last));
  return batch;
}

}  // namespace dmgr::clusters
