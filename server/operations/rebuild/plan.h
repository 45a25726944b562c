// The plan of a rebuild: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_
#define DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dmgr/plan/v1/backup.pb.h"
#include "dmgr/plan/v1/rebuild.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/operations/plan/carry_over.h"
#include "server/operations/plan/growth.h"
#include "server/operations/plan/parts.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kCheckCopy[] = "control.check_copy";
inline constexpr char kAdmit[] = "control.admit";
inline constexpr char kKeepCopy[] = "control.keep_copy";
inline constexpr char kRecordRestored[] = "control.record_restored";

// instances: the dm-masters, at least one, and dm-workers on hosts that answer. All of them stop;
// the dm-masters found a new DM together, with nothing but what the copy has; the dm-workers
// register with it, since none does by itself; the dm-master that leads hands over, since only a
// new leader reads what it finds.
engine::Plan PlanRebuild(const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& instances,
                         std::int64_t copy_id);

struct Replacing {
  // What is on the old machines, and all machines that do not answer.
  ScaleIn away;
  v1::Package package;
  std::int64_t copy_id = 0;
};

// The same with others in the place of machines that are given up. cluster: with what is new, which
// is joining, and is put on its hosts first: until DM has stopped all can be undone. What is left
// on old hosts that answer is removed, else it is remembered. Whoever stays learns the new
// addresses before it starts; monitoring begins on new hosts with empty data.
engine::Plan PlanRebuildElsewhere(const topology::Cluster& cluster, const Replacing& replacing);

struct Restoring {
  // Kept by the transaction that stores the operation.
  std::int64_t copy_id = 0;
  // Who becomes the author of what is recorded.
  std::string user_name{};
  // What is replaced by what.
  std::string words{};
};

// The same as a rebuild, from a copy that has come by a backup, and with what dmgr had recorded.
engine::Plan PlanRestore(const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& instances,
                         const Restoring& restoring);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REBUILD_PLAN_H_
