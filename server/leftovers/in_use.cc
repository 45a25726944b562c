#include "server/leftovers/in_use.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/clusters/placement.h"
#include "server/clusters/removal.h"

namespace dmgr::leftovers {
namespace {

using topology::Instance;

// An instance that is on the host now.
struct Present {
  const store::ClusterRecord* cluster;
  const Instance* instance;

  std::string Words() const {
    return fmt::format("{} of cluster {} uses it", instance->name, cluster->cluster.name);
  }
};

std::vector<Present> PresentOn(const std::vector<store::ClusterRecord>& clusters,
                               const std::vector<std::string>& machine_ids) {
  std::vector<Present> present;
  for (const auto& record : clusters) {
    for (const auto& instance : record.cluster.instances) {
      const bool here = std::find(machine_ids.begin(), machine_ids.end(), instance.machine_id) !=
                        machine_ids.end();
      if (here) present.push_back({&record, &instance});
    }
  }
  return present;
}

// Whether one of the directories is the instance's, or has one of it inside.
bool UsesDir(const Instance& instance, const std::string& dir) {
  const auto own = clusters::DirsOf(instance);
  return std::any_of(own.begin(), own.end(), [&](const std::string& path) {
    return topology::Contains(dir, path) || topology::Contains(path, dir);
  });
}

}  // namespace

Cleaning CleaningOf(const store::LeftoverRecord& leftover,
                    const std::vector<store::ClusterRecord>& clusters,
                    const std::vector<std::string>& machine_ids) {
  const std::vector<Present> present = PresentOn(clusters, machine_ids);
  const auto user_of = [&](auto uses) {
    return std::find_if(present.begin(), present.end(), uses);
  };
  Cleaning cleaning;
  cleaning.removal = leftover.removal;
  cleaning.removal.clear_instances();
  for (const auto& instance : leftover.removal.instances()) {
    const auto user =
        user_of([&](const Present& one) { return one.instance->Unit() == instance.unit(); });
    if (user == present.end()) {
      *cleaning.removal.add_instances() = instance;
    } else {
      cleaning.kept.push_back(fmt::format("{}: {}", instance.unit(), user->Words()));
      if (topology::IsExporter(user->instance->component) &&
          user->cluster->cluster.uuid != leftover.cluster_uuid) {
        // By the same unit: an exporter is the same one, whoever has it.
        cleaning.given.push_back(clusters::HandOverTo(user->cluster->cluster.uuid,
                                                      clusters::DirsOf(*user->instance), instance));
      }
    }
  }
  cleaning.removal.clear_dirs();
  for (const auto& dir : leftover.removal.dirs()) {
    const auto user = user_of([&](const Present& one) { return UsesDir(*one.instance, dir); });
    if (user == present.end()) {
      cleaning.removal.add_dirs(dir);
    } else {
      cleaning.kept.push_back(fmt::format("{}: {}", dir, user->Words()));
    }
  }
  const auto same = user_of(
      [&](const Present& one) { return one.cluster->cluster.uuid == leftover.cluster_uuid; });
  if (same != present.end()) {
    // It has other instances there, for which releases may have been sent since.
    cleaning.removal.set_leaves(false);
    cleaning.removal.clear_hashes();
    cleaning.removal.clear_store_dirs();
    cleaning.kept.push_back(
        fmt::format("user {} and releases: {}", leftover.removal.user(), same->Words()));
  }
  return cleaning;
}

}  // namespace dmgr::leftovers
