// The wanted configuration of a cluster that exists, and its way to the hosts.
#ifndef DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
#define DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// No host is touched.
absl::StatusOr<v1::UpdateClusterTopologyResponse> UpdateClusterTopology(
    const Resources& resources, const v1::UpdateClusterTopologyRequest& request);

// The plan has the instances whose files differ from those on their
// hosts.
absl::StatusOr<v1::Operation> ReloadCluster(const Resources& resources,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller);

// Registers the code of its steps.
void RegisterReloadRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
