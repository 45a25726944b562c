// Scale-out, scale-in and move: instances come and go.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_
#define DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Each checks everything before it stores anything; the answer has the steps.
absl::StatusOr<v1::Operation> ScaleOutCluster(const Resources& resources,
                                              const v1::ScaleOutClusterRequest& request,
                                              const Caller& caller);
absl::StatusOr<v1::Operation> ScaleInCluster(const Resources& resources,
                                             const v1::ScaleInClusterRequest& request,
                                             const Caller& caller);
absl::StatusOr<v1::Operation> MoveMachine(const Resources& resources,
                                          const v1::MoveMachineRequest& request,
                                          const Caller& caller);
absl::StatusOr<v1::Operation> MoveCluster(const Resources& resources,
                                          const v1::MoveClusterRequest& request,
                                          const Caller& caller);

// Registers the code of its steps.
void RegisterScaleRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_
