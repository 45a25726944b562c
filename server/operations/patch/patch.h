// Patch: another program for some instances, and the way back to the package's.
#ifndef DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_
#define DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> PatchCluster(const Resources& resources,
                                           const v1::PatchClusterRequest& request,
                                           const Caller& caller);
absl::StatusOr<v1::Operation> RevertClusterPatches(const Resources& resources,
                                                   const v1::RevertClusterPatchesRequest& request,
                                                   const Caller& caller);

// Registers the code of its steps.
void RegisterPatchRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_
