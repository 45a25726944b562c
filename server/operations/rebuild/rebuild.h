// Rebuild: a cluster is brought back whose dm-masters are lost, from a copy of what they kept.
#ifndef DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_
#define DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION: MAJORITY_LIVES without force; NO_COPY when there is none of that time;
// HOSTS_UNREACHABLE when no dm-master's host answers.
absl::StatusOr<v1::Operation> RebuildCluster(const Resources& resources,
                                             const v1::RebuildClusterRequest& request,
                                             const Caller& caller);

// Registers the code of its steps.
void RegisterRebuildRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_
