// Upgrade: another version of the package.
#ifndef DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
#define DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> UpgradeCluster(const Resources& resources,
                                             const v1::UpgradeClusterRequest& request,
                                             const Caller& caller);

// Why an upgrade from one version to another needs the caller's word: it is older, or nobody can
// tell. Empty when it does not.
std::string DowngradeProblem(const std::string& from, const std::string& to);

// Registers the code of its steps.
void RegisterUpgradeRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
