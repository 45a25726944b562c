#include "server/rpc/server_service.h"

namespace dmgr::rpc {

grpc::Status ServerServiceImpl::GetServerInfo(grpc::ServerContext* context,
                                              const v1::GetServerInfoRequest* request,
                                              v1::GetServerInfoResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) {
    *response = info_;
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
