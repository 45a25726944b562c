// Destroy: everything of a cluster goes from its hosts and from the record.
#ifndef DMGR_SERVER_OPERATIONS_DESTROY_DESTROY_H_
#define DMGR_SERVER_OPERATIONS_DESTROY_DESTROY_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> DestroyCluster(const Resources& resources,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller);

// Registers the code of its steps.
void RegisterDestroyRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DESTROY_DESTROY_H_
