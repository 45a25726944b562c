// The plan of a prune: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_PRUNE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_PRUNE_PLAN_H_

#include <vector>

#include "server/engine/plan.h"
#include "server/members/ghosts.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kPruneMember[] = "control.prune_member";

// One after another.
engine::Plan PlanPrune(const topology::Cluster& cluster, const std::vector<members::Ghost>& ghosts);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PRUNE_PLAN_H_
