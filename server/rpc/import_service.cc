#include "server/rpc/import_service.h"

#include "common/error.h"
#include "server/operations/import/import.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status ImportServiceImpl::FindForeignCluster(grpc::ServerContext* context,
                                                   const v1::FindForeignClusterRequest* request,
                                                   v1::FindForeignClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->target = request->cluster_name();
    ASSIGN_OR_RETURN(*response, operations::FindForeignCluster(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status ImportServiceImpl::ImportCluster(grpc::ServerContext* context,
                                              const v1::ImportClusterRequest* request,
                                              v1::ImportClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::ImportCluster);
}

grpc::Status ImportServiceImpl::TakeOverCluster(grpc::ServerContext* context,
                                                const v1::TakeOverClusterRequest* request,
                                                v1::TakeOverClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::TakeOverCluster);
}

grpc::Status ImportServiceImpl::ExportTiupTls(grpc::ServerContext* context,
                                              const v1::ExportTiupTlsRequest* request,
                                              v1::ExportTiupTlsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->target = request->cluster_name();
    ASSIGN_OR_RETURN(*response, operations::ExportTiupTls(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status ImportServiceImpl::ReleaseCluster(grpc::ServerContext* context,
                                               const v1::ReleaseClusterRequest* request,
                                               v1::ReleaseClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::ReleaseCluster);
}

}  // namespace dmgr::rpc
