// Prune: members that the record does not have leave DM.
#ifndef DMGR_SERVER_OPERATIONS_PRUNE_PRUNE_H_
#define DMGR_SERVER_OPERATIONS_PRUNE_PRUNE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION: NO_GHOSTS, GHOST_RUNS, DM_QUORUM, DM_NOT_HEALTHY.
absl::StatusOr<v1::Operation> PruneCluster(const Resources& resources,
                                           const v1::PruneClusterRequest& request,
                                           const Caller& caller);

// Registers the code of its steps.
void RegisterPruneRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PRUNE_PRUNE_H_
