#include "server/rpc/maintenance_service.h"

#include "server/operations/prune/prune.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PruneCluster);
}

}  // namespace dmgr::rpc
