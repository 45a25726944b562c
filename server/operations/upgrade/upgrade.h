// The calls of ClusterService on a cluster that is in use, as in clusters.h.
#ifndef DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
#define DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> RestartCluster(const Services& services,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller);

absl::StatusOr<v1::Operation> UpgradeCluster(const Services& services,
                                             const v1::UpgradeClusterRequest& request,
                                             const Caller& caller);

absl::StatusOr<v1::Operation> EnableCluster(const Services& services,
                                            const v1::EnableClusterRequest& request,
                                            const Caller& caller);

absl::StatusOr<v1::Operation> DisableCluster(const Services& services,
                                             const v1::DisableClusterRequest& request,
                                             const Caller& caller);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_UPGRADE_UPGRADE_H_
