// The plans of what gets a stuck task going: pure functions. None has an undo: DM forgets what it
// was told before.
#ifndef DMGR_SERVER_OPERATIONS_MEND_PLAN_H_
#define DMGR_SERVER_OPERATIONS_MEND_PLAN_H_

#include "dmgr/plan/v1/mend.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Names of the runners.
inline constexpr char kHandleError[] = "control.handle_error";
inline constexpr char kAwaitPast[] = "control.await_past_error";
inline constexpr char kUnlockShards[] = "control.unlock_shards";
inline constexpr char kSetStructure[] = "control.set_structure";
inline constexpr char kStartValidation[] = "control.start_validation";
inline constexpr char kStopValidation[] = "control.stop_validation";
inline constexpr char kUpdateValidation[] = "control.update_validation";
inline constexpr char kHandleDifferences[] = "control.handle_differences";

// Of errors that there are, the task is waited for until it has got past them.
engine::Plan PlanHandleError(const topology::Cluster& cluster,
                             const pv1::HandleErrorParams& params);
engine::Plan PlanUnlock(const topology::Cluster& cluster, const pv1::UnlockParams& params);
engine::Plan PlanStructure(const topology::Cluster& cluster, const pv1::StructureParams& params);
engine::Plan PlanStartValidation(const topology::Cluster& cluster,
                                 const pv1::ValidationParams& params);
engine::Plan PlanStopValidation(const topology::Cluster& cluster,
                                const pv1::ValidationParams& params);
engine::Plan PlanUpdateValidation(const topology::Cluster& cluster,
                                  const pv1::ValidationParams& params);
engine::Plan PlanHandleDifferences(const topology::Cluster& cluster,
                                   const pv1::ValidationParams& params);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_MEND_PLAN_H_
