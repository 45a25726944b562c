#include "server/rpc/host_key_service.h"

#include "common/error.h"
#include "server/machines/machines.h"

namespace dmgr::rpc {

grpc::Status HostKeyServiceImpl::ScanHostKey(grpc::ServerContext* context,
                                             const v1::ScanHostKeyRequest* request,
                                             v1::ScanHostKeyResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->target = request->host();
    ASSIGN_OR_RETURN(*response->mutable_host_key(), machines::ScanHostKey(*services_, *request));
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
