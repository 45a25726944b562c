// The plans of an import and of a release: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kLookAtForeign[] = "host.look_at_foreign";
inline constexpr char kCheckForeign[] = "control.check_foreign";
inline constexpr char kRecordForeign[] = "control.record_foreign";
inline constexpr char kForgetForeign[] = "control.forget_foreign";

// A machine's look is "{machine}/look".
inline constexpr char kForeignLookStep[] = "look";

// Every host and DM are looked at before anything but the name is recorded.
engine::Plan PlanImport(const topology::Cluster& cluster);

// Nothing brings back what is forgotten; another import does.
engine::Plan PlanRelease(const topology::Cluster& cluster);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_
