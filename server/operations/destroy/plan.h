// The plan of a destroy: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_
#define DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kRemove[] = "host.remove";
inline constexpr char kErase[] = "control.erase";

// Stops and removes. surveyed: the machines with a record of what was there before; on others
// nothing was ever changed. has_patches: some of the warehouse may be nobody's then. lent: names of
// exporters that run on, since another cluster takes them over.
engine::Plan PlanDestroy(const topology::Cluster& cluster, const std::vector<std::string>& surveyed,
                         bool has_patches = false, const std::set<std::string>& lent = {});

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_
