#include "server/rpc/maintenance_service.h"

#include "server/operations/clean/clean.h"
#include "server/operations/prune/prune.h"
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

}  // namespace dmgr::rpc
