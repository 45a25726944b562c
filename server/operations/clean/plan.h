// The plan of a clean: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_
#define DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_

#include <vector>

#include "server/engine/plan.h"
#include "server/operations/plan/founding.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kCheckStopped[] = "host.check_stopped";

// The instances that must not run: those that are cleaned, and all of DM when it is to begin anew.
std::vector<const topology::Instance*> MustBeStopped(
    const topology::Cluster& cluster, const std::vector<const topology::Instance*>& instances,
    const Clean& what);

// Every host is looked at before anything is removed anywhere; nothing that is removed comes back.
engine::Plan PlanClean(const topology::Cluster& cluster,
                       const std::vector<const topology::Instance*>& instances, const Clean& what);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_
