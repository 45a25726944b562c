#include "server/rpc/repair_service.h"

#include "server/operations/repair/repair.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status RepairServiceImpl::RepairCluster(grpc::ServerContext* context,
                                              const v1::RepairClusterRequest* request,
                                              v1::RepairClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RepairCluster);
}

}  // namespace dmgr::rpc
