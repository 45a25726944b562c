// Deploy: a new cluster on its hosts.
#ifndef DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_
#define DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Each checks everything before it stores anything; the answer has the steps. With validate_only
// the plan is returned without an operation_id, and nothing is stored.
absl::StatusOr<v1::Operation> DeployCluster(const Resources& resources,
                                            const v1::DeployClusterRequest& request,
                                            const Caller& caller);

// Registers the code of its steps.
void RegisterDeployRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_
