// The plan of a repair: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_REPAIR_PLAN_H_
#define DMGR_SERVER_OPERATIONS_REPAIR_PLAN_H_

#include "server/engine/plan.h"
#include "server/operations/plan/repair.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// cluster: the members only. One step alone says so when there is nothing to repair.
engine::Plan PlanRepair(const topology::Cluster& cluster, const Repair& repair);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REPAIR_PLAN_H_
