// Clean: the logs or data of a stopped cluster go, its directories stay.
#ifndef DMGR_SERVER_OPERATIONS_CLEAN_CLEAN_H_
#define DMGR_SERVER_OPERATIONS_CLEAN_CLEAN_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION: CLUSTER_NOT_STOPPED, INSTANCE_RUNS; DM_QUORUM when it is about the data of
// some dm-masters and not of all.
absl::StatusOr<v1::Operation> CleanCluster(const Resources& resources,
                                           const v1::CleanClusterRequest& request,
                                           const Caller& caller);

// Registers the code of its steps.
void RegisterCleanRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CLEAN_CLEAN_H_
