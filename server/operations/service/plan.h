// The plans of start, stop, enable and disable: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_SERVICE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_SERVICE_PLAN_H_

#include <vector>

#include "dmgr/plan/v1/turns.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kEnable[] = "host.enable";
inline constexpr char kDisable[] = "host.disable";

// Waves: dm-masters, dm-workers, monitoring; each instance ready before the next wave begins.
// Then the cluster counts as up, also when the instances are a part of it.
engine::Plan PlanStart(const topology::Cluster& cluster,
                       const std::vector<const topology::Instance*>& instances);

// The waves of PlanStart in reverse. whole: they are all instances; the cluster counts as stopped.
// running: parts of tasks, which the titles name beside their dm-workers.
engine::Plan PlanStop(const topology::Cluster& cluster,
                      const std::vector<const topology::Instance*>& instances, bool whole,
                      const std::vector<pv1::SubtaskSeen>& running = {});

// Has the hosts start the instances at boot, or not any more; all hosts side by side.
engine::Plan PlanEnable(const topology::Cluster& cluster,
                        const std::vector<const topology::Instance*>& instances, bool enabled);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SERVICE_PLAN_H_
