// Restart, one instance after another or all at once.
#ifndef DMGR_SERVER_OPERATIONS_RESTART_RESTART_H_
#define DMGR_SERVER_OPERATIONS_RESTART_RESTART_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> RestartCluster(const Resources& resources,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller);

// Registers the code of its steps.
void RegisterRestartRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RESTART_RESTART_H_
