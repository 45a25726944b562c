// The wanted configuration of a cluster that exists, and its way to the hosts.
#ifndef DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
#define DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"

namespace dmgr::operations {

// No host is touched. Ends its transaction with finish.
absl::Status UpdateClusterTopology(const Resources& resources,
                                   const v1::UpdateClusterTopologyRequest& request,
                                   const store::Finish& finish,
                                   v1::UpdateClusterTopologyResponse* response);
// Drops what the other one stored. Ends its transaction with finish.
absl::Status DiscardPendingTopology(const Resources& resources,
                                    const v1::DiscardPendingTopologyRequest& request,
                                    const store::Finish& finish,
                                    v1::DiscardPendingTopologyResponse* response);

// The plan has the instances whose files differ from those on their hosts.
absl::StatusOr<v1::Operation> ReloadCluster(const Resources& resources,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller);

// Registers the code of its steps.
void RegisterReloadRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
