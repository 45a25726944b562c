#include "server/rpc/check_service.h"

#include "common/error.h"
#include "server/check/check.h"
#include "server/operations/tune/tune.h"
#include "server/rpc/mutation.h"
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

grpc::Status CheckServiceImpl::CheckTopology(grpc::ServerContext* context,
                                             const v1::CheckTopologyRequest* request,
                                             v1::CheckTopologyResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, check::CheckTopology(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status CheckServiceImpl::CheckCluster(grpc::ServerContext* context,
                                            const v1::CheckClusterRequest* request,
                                            v1::CheckClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, check::CheckCluster(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status CheckServiceImpl::TuneHosts(grpc::ServerContext* context,
                                         const v1::TuneHostsRequest* request,
                                         v1::TuneHostsResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::TuneHosts);
}

}  // namespace dmgr::rpc
