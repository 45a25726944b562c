// The plan of a rebuild: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_
#define DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_

#include <cstdint>
#include <vector>

#include "dmgr/plan/v1/rebuild.pb.h"
#include "server/engine/plan.h"
#include "server/operations/plan/parts.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kCheckCopy[] = "control.check_copy";
inline constexpr char kPutBack[] = "control.put_back";
inline constexpr char kReadBack[] = "control.read_back";
inline constexpr char kAwaitBound[] = "control.await_bound";

// instances: the dm-masters, at least one, and dm-workers on hosts that answer. All of them stop;
// the dm-masters found a new DM together, with nothing but what the copy has; the dm-workers
// register with it, since none does by itself; the dm-master that leads hands over, since only a
// new leader reads what it finds.
engine::Plan PlanRebuild(const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& instances,
                         std::int64_t copy_id);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_
