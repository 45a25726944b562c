#include "server/rpc/check_service.h"

#include "common/error.h"
#include "server/verify/verify.h"

namespace dmgr::rpc {

grpc::Status CheckServiceImpl::VerifyCluster(grpc::ServerContext* context,
                                             const v1::VerifyClusterRequest* request,
                                             v1::VerifyClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, verify::VerifyCluster(*services_, request->cluster_name()));
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
