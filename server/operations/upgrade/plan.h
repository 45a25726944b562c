// The plan of an upgrade.
#ifndef DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dmgr/plan/v1/upgrade.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/kept_patches.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kUpgradeTree[] = "control.upgrade_tree";
inline constexpr char kUpgradeRelease[] = "host.upgrade_release";
inline constexpr char kUpgrade[] = "host.upgrade";
inline constexpr char kUpgradeStopped[] = "host.upgrade_stopped";
inline constexpr char kRecordVersion[] = "control.record_version";
inline constexpr char kDropTree[] = "control.drop_tree";
inline constexpr char kDropReleases[] = "host.drop_releases";

// The package's tree, then what differs of it to all hosts (the release of dm-workers while
// dm-masters have their turns), then turns as AddTurns has them (or, when the cluster is stopped,
// all at once), then the record, and only then the old version goes. max_parallel: see TurnOptions.
// What an upgrade does without.
struct UpgradeWithout {
  // Instances on hosts that are left out: only what is recorded of them changes.
  std::vector<const topology::Instance*> instances;
  // See TurnOptions.
  bool spares_no_majority = false;
  bool accepts_load_restart = false;
};

engine::Plan PlanUpgrade(const topology::Cluster& cluster, const v1::Package& from,
                         const v1::Package& to, bool offline,
                         const clusters::KeptPatches& kept = {}, std::uint32_t max_parallel = 0,
                         const UpgradeWithout& without = {});

// The components of a machine whose releases differ, in start order.
std::vector<std::string> ChangedOn(const topology::Cluster& cluster, const std::string& machine,
                                   const v1::Package& from, const v1::Package& to);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_
