#include "server/clusters/room.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "common/enum_words.h"
#include "server/clusters/placement.h"

namespace dmgr::clusters {
namespace {

using topology::Instance;

constexpr std::uint64_t kMiB = 1U << 20;
// Left free where instances write.
constexpr std::uint64_t kSpareBytes = 200 * kMiB;
// Left free where only releases are kept.
constexpr std::uint64_t kStoreSpareBytes = 16 * kMiB;
// Files that an instance soon has beside its programs: scripts, configuration, logs, data.
constexpr std::uint64_t kFilesOfInstance = 24;
// A directory for every so many files of a release.
constexpr std::uint64_t kFilesPerDir = 4;

// What is needed of one file system.
struct Demand {
  hv1::FileSystem has;
  // The first directory that is to be there, and whether instances write there.
  std::string path;
  bool written = false;
  // The deploy directory whose releases are kept there, and in which directory.
  std::string deploy_dir;
  std::string store;
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;

  std::uint64_t AllBytes() const {
    return bytes + (written ? kSpareBytes : bytes > 0 ? kStoreSpareBytes : 0);
  }
};

class Ledger {
 public:
  explicit Ledger(const hv1::InspectReply& seen) {
    for (const auto& state : seen.paths()) states_[state.path()] = &state;
  }

  void Add(const Instance& instance, const v1::PackageComponent* release) {
    for (const auto& dir : DirsOf(instance)) AddDir(dir);
    const auto it = states_.find(instance.deploy_dir);
    if (it == states_.end() || release == nullptr) return;
    const hv1::PathState& deploy = *it->second;
    Demand* store = DemandOf(deploy.store_file_system());
    Demand* own = DemandOf(deploy.file_system());
    if (store == nullptr || own == nullptr) return;
    own->inodes += static_cast<std::uint64_t>(PlacementsOf(instance, *release).size());
    if (store != own) own->bytes += ProgramBytes(*release);
    const auto& stored = deploy.stored_releases();
    if (std::find(stored.begin(), stored.end(), release->release_hash()) != stored.end()) return;
    if (!kept_.emplace(store, release->release_hash()).second) return;
    const auto files = static_cast<std::uint64_t>(release->files_size());
    store->bytes += release->size_bytes();
    store->inodes += files + files / kFilesPerDir + 1;
    if (!store->store.empty()) return;
    store->deploy_dir = instance.deploy_dir;
    const std::string& parent = deploy.root_only_parent();
    store->store = (parent == "/" ? "" : parent) + "/.dmgr";
  }

  std::vector<std::string> Problems() const {
    std::vector<std::string> problems;
    for (const auto& [device, demand] : demands_) {
      const hv1::FileSystem& has = demand.has;
      if (has.free_bytes() < demand.AllBytes()) {
        problems.push_back(fmt::format("{} has {} MiB free, {} MiB are needed{}", PathOf(demand),
                                       has.free_bytes() / kMiB,
                                       (demand.AllBytes() + kMiB - 1) / kMiB, WhyOf(demand)));
      }
      if (!has.endless_inodes() && has.free_inodes() < demand.inodes) {
        problems.push_back(fmt::format("{} has inodes for {} more files, {} are needed{}",
                                       PathOf(demand), has.free_inodes(), demand.inodes,
                                       WhyOf(demand)));
      }
    }
    return problems;
  }

 private:
  // nullptr when nothing is known of the file system.
  Demand* DemandOf(const hv1::FileSystem& file_system) {
    const bool known = file_system.device() != 0 || file_system.free_bytes() != 0;
    if (!known) return nullptr;
    Demand& demand = demands_[file_system.device()];
    demand.has = file_system;
    return &demand;
  }

  void AddDir(const std::string& dir) {
    const auto it = states_.find(dir);
    Demand* demand = it == states_.end() ? nullptr : DemandOf(it->second->file_system());
    if (demand == nullptr) return;
    if (!demand->written) {
      demand->written = true;
      demand->path = dir;
      demand->inodes += kFilesOfInstance;
    }
    if (it->second->type() == hv1::PathState::TYPE_ABSENT) ++demand->inodes;
  }

  static std::uint64_t ProgramBytes(const v1::PackageComponent& release) {
    std::uint64_t bytes = 0;
    for (const auto& file : release.files()) {
      if (file.path().starts_with("bin/")) bytes += file.size_bytes();
    }
    return bytes;
  }

  static const std::string& PathOf(const Demand& demand) {
    return demand.written ? demand.path : demand.store;
  }
  // Why anything is needed where no directory of the cluster is.
  static std::string WhyOf(const Demand& demand) {
    if (demand.written) return "";
    return fmt::format(
        ": releases are kept there, the nearest place above {} that only root can change",
        demand.deploy_dir);
  }

  std::map<std::string, const hv1::PathState*> states_;
  std::map<std::uint64_t, Demand> demands_;
  std::set<std::pair<const Demand*, std::string>> kept_;
};

}  // namespace

Releases ReleasesFor(const topology::Cluster& cluster, const std::string& machine_id,
                     const v1::Package& package, const v1::Package& instead_of) {
  std::set<topology::Component> components;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    components.insert(instance->component);
  }
  Releases releases;
  for (const auto component : components) {
    const auto* release = ReleaseOn(package, cluster, machine_id, topology::Name(component));
    const auto* old = ReleaseOn(instead_of, cluster, machine_id, topology::Name(component));
    const bool is_same =
        old != nullptr && release != nullptr && old->release_hash() == release->release_hash();
    if (release != nullptr && !is_same) releases.push_back(release);
  }
  return releases;
}

std::vector<std::string> RoomConflicts(const topology::Cluster& cluster,
                                       const std::string& machine_id, const Releases& releases,
                                       const hv1::InspectReply& seen) {
  Ledger ledger(seen);
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    const auto release = std::find_if(releases.begin(), releases.end(), [&](const auto* one) {
      return ToWord(one->component()) == topology::Name(instance->component);
    });
    ledger.Add(*instance, release == releases.end() ? nullptr : *release);
  }
  return ledger.Problems();
}

}  // namespace dmgr::clusters
