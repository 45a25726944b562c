#include "server/rpc/maintenance_service.h"

#include "server/operations/prune/prune.h"
#include "server/operations/scale/scale.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PruneCluster);
}

grpc::Status MaintenanceServiceImpl::MoveMachine(grpc::ServerContext* context,
                                                 const v1::MoveMachineRequest* request,
                                                 v1::MoveMachineResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::MoveMachine);
}

}  // namespace dmgr::rpc
