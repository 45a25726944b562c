// Upgrade: another version of the package.
#ifndef DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
#define DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> UpgradeCluster(const Resources& resources,
                                             const v1::UpgradeClusterRequest& request,
                                             const Caller& caller);

// Registers the code of its steps.
void RegisterUpgradeRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
