// The plan of an upgrade.
#ifndef DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/kept_patches.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kUpgradeTree[] = "control.upgrade_tree";
inline constexpr char kUpgradeRelease[] = "host.upgrade_release";
inline constexpr char kUpgrade[] = "host.upgrade";
inline constexpr char kUpgradeStopped[] = "host.upgrade_stopped";
inline constexpr char kRecordVersion[] = "control.record_version";
inline constexpr char kDropTree[] = "control.drop_tree";
inline constexpr char kDropReleases[] = "host.drop_releases";

// The package's tree, then what differs of it to all hosts (the release of dm-workers while
// dm-masters have their turns), then turns as AddTurns has them (or, when the cluster is stopped,
// all at once), then the record, and only then the old version goes. max_parallel: of TurnOptions.
engine::Plan PlanUpgrade(const topology::Cluster& cluster, const v1::Package& from,
                         const v1::Package& to, bool offline,
                         const clusters::KeptPatches& kept = {}, std::uint32_t max_parallel = 0);

// The components of a machine whose releases differ, in start order.
std::vector<std::string> ChangedOn(const topology::Cluster& cluster, const std::string& machine,
                                   const v1::Package& from, const v1::Package& to);

// Of every step of an upgrade, beside what else it has.
struct UpgradeParams {
  std::string from;
  std::string to;
  // kUpgradeRelease: the one it sends; kDropReleases: those whose old release goes.
  std::vector<std::string> components;
  // Of the instances that the step takes, the patches that they run before it; kRecordVersion: by
  // component, those that were kept for new instances.
  std::map<std::string, std::string> patches{};
  std::map<std::string, std::string> role_patches{};
};

nlohmann::json Json(const UpgradeParams& params);
absl::Status FromJson(const std::string& json, UpgradeParams* params);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_UPGRADE_PLAN_H_
