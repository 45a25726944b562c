// Start, stop, enable and disable.
#ifndef DMGR_SERVER_OPERATIONS_SERVICE_SERVICE_H_
#define DMGR_SERVER_OPERATIONS_SERVICE_SERVICE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> StartCluster(const Resources& resources,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller);
absl::StatusOr<v1::Operation> StopCluster(const Resources& resources,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller);
absl::StatusOr<v1::Operation> EnableCluster(const Resources& resources,
                                            const v1::EnableClusterRequest& request,
                                            const Caller& caller);
absl::StatusOr<v1::Operation> DisableCluster(const Resources& resources,
                                             const v1::DisableClusterRequest& request,
                                             const Caller& caller);

// Registers the code of its steps.
void RegisterServiceRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SERVICE_SERVICE_H_
