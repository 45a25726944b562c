// The calls of ClusterService: validate, plan, store. What they return is on its way when they
// return; the engine does the work.
#ifndef DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_
#define DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {

// Each checks everything before it stores anything; the answer has the steps. With validate_only
// the plan is returned without an operation_id, and nothing is stored.
absl::StatusOr<v1::Operation> DeployCluster(const Services& services,
                                            const v1::DeployClusterRequest& request,
                                            const Caller& caller);
absl::StatusOr<v1::Operation> StartCluster(const Services& services,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller);
absl::StatusOr<v1::Operation> StopCluster(const Services& services,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller);
absl::StatusOr<v1::Operation> DestroyCluster(const Services& services,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller);

// An operation as the API shows it, with its steps and progress.
v1::Operation ToApi(const store::OperationRecord& record);
// A cluster as the API shows it.
v1::Cluster ToApi(const store::ClusterRecord& record);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DEPLOY_DEPLOY_H_
