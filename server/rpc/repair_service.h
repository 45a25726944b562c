// RepairService.
#ifndef DMGR_SERVER_RPC_REPAIR_SERVICE_H_
#define DMGR_SERVER_RPC_REPAIR_SERVICE_H_

#include "dmgr/v1/repair_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class RepairServiceImpl final : public v1::RepairService::Service {
 public:
  RepairServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

  grpc::Status RepairCluster(grpc::ServerContext* context, const v1::RepairClusterRequest* request,
                             v1::RepairClusterResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_REPAIR_SERVICE_H_
