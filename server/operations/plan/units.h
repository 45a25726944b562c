// Plans of the operations: pure functions from what is known to what will be done.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_

#include <map>
#include <string>
#include <vector>

#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Every plan surveys first: what a rollback needs to know is recorded before anything is changed.

// Survey every host, then prepare, send releases and install side by side, then record.
engine::Plan PlanDeploy(const topology::Cluster& cluster, const v1::Package& package);

// Waves: dm-masters, dm-workers, monitoring; each instance ready before the next wave begins.
// Then the cluster counts as up, also when the instances are a part of it.
engine::Plan PlanStart(const topology::Cluster& cluster,
                       const std::vector<const topology::Instance*>& instances);

// The waves of PlanStart in reverse. whole: they are all instances; the cluster counts as stopped.
engine::Plan PlanStop(const topology::Cluster& cluster,
                      const std::vector<const topology::Instance*>& instances, bool whole);

// Has the hosts start the instances at boot, or not any more; all hosts side by side.
engine::Plan PlanEnable(const topology::Cluster& cluster,
                        const std::vector<const topology::Instance*>& instances, bool enabled);

// Stops and removes. surveyed: the machines with a record of what was there before; on others
// nothing was ever changed. has_patches: some of the warehouse may be nobody's then.
engine::Plan PlanDestroy(const topology::Cluster& cluster, const std::vector<std::string>& surveyed,
                         bool has_patches = false);

// Names of the runners.
inline constexpr char kRegister[] = "control.register";
inline constexpr char kSurvey[] = "host.survey";
inline constexpr char kWorkspace[] = "control.workspace";
inline constexpr char kPrepare[] = "host.prepare";
inline constexpr char kRelease[] = "host.release";
inline constexpr char kInstall[] = "host.install";
inline constexpr char kSurveyUnits[] = "host.survey_units";
inline constexpr char kStart[] = "host.start";
inline constexpr char kStop[] = "host.stop";
inline constexpr char kStopToStart[] = "host.stop_to_start";
inline constexpr char kEnable[] = "host.enable";
inline constexpr char kDisable[] = "host.disable";
inline constexpr char kRemove[] = "host.remove";
inline constexpr char kRecordState[] = "control.record_state";
inline constexpr char kErase[] = "control.erase";

// A machine's kSurveyUnits step is "{machine}/units".
inline constexpr char kUnitsStep[] = "units";

// Parameters of the runners, as JSON.
struct ReleaseParams {
  std::string component;
  // Empty: all of the machine.
  std::vector<std::string> instances;
};
struct InstancesParams {
  std::vector<std::string> instances;
};
struct StateParams {
  // v1::ClusterState by name; empty: unchanged.
  std::string state;
};
// Result of kSurveyUnits.
struct UnitsSeen {
  std::vector<std::string> active;
  // Started at boot.
  std::vector<std::string> enabled{};
};
std::string ToJson(const ReleaseParams& params);
std::string ToJson(const InstancesParams& params);
std::string ToJson(const StateParams& params);
std::string ToJson(const UnitsSeen& seen);
absl::Status FromJson(const std::string& json, ReleaseParams* params);
absl::Status FromJson(const std::string& json, InstancesParams* params);
absl::Status FromJson(const std::string& json, StateParams* params);
absl::Status FromJson(const std::string& json, UnitsSeen* seen);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
