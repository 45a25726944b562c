// HostKeyService.
#ifndef DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_
#define DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_

#include "dmgr/v1/host_key_service.grpc.pb.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class HostKeyServiceImpl final : public v1::HostKeyService::Service {
 public:
  explicit HostKeyServiceImpl(Guard* guard) : guard_(guard) {}

  grpc::Status ScanHostKey(grpc::ServerContext* context, const v1::ScanHostKeyRequest* request,
                           v1::ScanHostKeyResponse* response) override;

 private:
  Guard* guard_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_HOST_KEY_SERVICE_H_
