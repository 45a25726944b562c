// ServerService.
#ifndef DMGR_SERVER_RPC_SERVER_SERVICE_H_
#define DMGR_SERVER_RPC_SERVER_SERVICE_H_

#include "dmgr/v1/server_service.grpc.pb.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class ServerServiceImpl final : public v1::ServerService::Service {
 public:
  ServerServiceImpl(Guard* guard, v1::GetServerInfoResponse info)
      : guard_(guard), info_(std::move(info)) {}

  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* request,
                             v1::GetServerInfoResponse* response) override;

 private:
  Guard* guard_;
  const v1::GetServerInfoResponse info_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SERVER_SERVICE_H_
