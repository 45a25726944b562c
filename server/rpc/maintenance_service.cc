#include "server/rpc/maintenance_service.h"

#include "server/operations/clean/clean.h"
#include "server/operations/prune/prune.h"
#include "server/operations/rename/rename.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/scale/scale.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PruneCluster);
}

grpc::Status MaintenanceServiceImpl::CleanCluster(grpc::ServerContext* context,
                                                  const v1::CleanClusterRequest* request,
                                                  v1::CleanClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::CleanCluster);
}

grpc::Status MaintenanceServiceImpl::RotateClusterKey(grpc::ServerContext* context,
                                                      const v1::RotateClusterKeyRequest* request,
                                                      v1::RotateClusterKeyResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RotateClusterKey);
}

grpc::Status MaintenanceServiceImpl::RenameCluster(grpc::ServerContext* context,
                                                   const v1::RenameClusterRequest* request,
                                                   v1::RenameClusterResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = request->cluster_name();
        return operations::RenameCluster(*services_, *request, finish, response);
      });
}

grpc::Status MaintenanceServiceImpl::MoveMachine(grpc::ServerContext* context,
                                                 const v1::MoveMachineRequest* request,
                                                 v1::MoveMachineResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::MoveMachine);
}

}  // namespace dmgr::rpc
