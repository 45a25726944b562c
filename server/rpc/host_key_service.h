// HostKeyService.
#ifndef DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_
#define DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_

#include "dmgr/v1/host_key_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class HostKeyServiceImpl final : public v1::HostKeyService::Service {
 public:
  HostKeyServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status ScanHostKey(grpc::ServerContext* context, const v1::ScanHostKeyRequest* request,
                           v1::ScanHostKeyResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_
