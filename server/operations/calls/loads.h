// Tasks that a change would have begin their load anew, before it is accepted. Reads only.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_LOADS_H_
#define DMGR_SERVER_OPERATIONS_CALLS_LOADS_H_

#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/next_action.pb.h"
#include "server/migrations/subtasks.h"
#include "server/operations/calls/change.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// FAILED_PRECONDITION, TASK_IS_LOADING, when a task loads on a dm-worker among these. again: the
// call, which is suggested with accept_load_restart. A DM that does not answer is passed over: the
// steps look again.
absl::Status RequireNoLoad(const Resources& resources, const topology::Cluster& cluster,
                           const std::vector<const topology::Instance*>& instances,
                           v1::NextAction again);

// The same of what has its turn, unless that is accepted; again: hosts.skipping.
absl::Status CheckLoads(const Resources& resources, const HostRules& hosts,
                        const topology::Cluster& cluster,
                        const std::vector<const topology::Instance*>& instances);

// What runs of tasks on the dm-workers among these; nothing when DM does not answer.
migrations::SeenSubtasks RunningOn(const Resources& resources, const topology::Cluster& cluster,
                                   const std::vector<const topology::Instance*>& instances);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_LOADS_H_
