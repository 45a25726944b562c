#include "server/rpc/maintenance_service.h"

#include "common/error.h"
#include "server/operations/prune/prune.h"
#include "server/operations/scale/scale.h"

namespace dmgr::rpc {

template <typename Request, typename Response, typename Submit>
grpc::Status MaintenanceServiceImpl::RunMutation(grpc::ServerContext* context,
                                                 const Request& request, Response* response,
                                                 Submit submit) {
  return guard_->Run(*context, request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = request.cluster_name();
    ASSIGN_OR_RETURN(*response->mutable_operation(),
                     submit(*services_, request, Caller{session.user.name()}));
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  });
}

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return RunMutation(context, *request, response, operations::PruneCluster);
}

grpc::Status MaintenanceServiceImpl::MoveMachine(grpc::ServerContext* context,
                                                 const v1::MoveMachineRequest* request,
                                                 v1::MoveMachineResponse* response) {
  return RunMutation(context, *request, response, operations::MoveMachine);
}

}  // namespace dmgr::rpc
