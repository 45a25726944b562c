// CheckService.
#ifndef DMGR_SERVER_RPC_CHECK_SERVICE_H_
#define DMGR_SERVER_RPC_CHECK_SERVICE_H_

#include "dmgr/v1/check_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class CheckServiceImpl final : public v1::CheckService::Service {
 public:
  CheckServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

  grpc::Status VerifyCluster(grpc::ServerContext* context, const v1::VerifyClusterRequest* request,
                             v1::VerifyClusterResponse* response) override;
  grpc::Status CheckTopology(grpc::ServerContext* context, const v1::CheckTopologyRequest* request,
                             v1::CheckTopologyResponse* response) override;
  grpc::Status CheckCluster(grpc::ServerContext* context, const v1::CheckClusterRequest* request,
                            v1::CheckClusterResponse* response) override;
  grpc::Status TuneHosts(grpc::ServerContext* context, const v1::TuneHostsRequest* request,
                         v1::TuneHostsResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_CHECK_SERVICE_H_
