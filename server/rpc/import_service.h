// ImportService.
#ifndef DMGR_SERVER_RPC_IMPORT_SERVICE_H_
#define DMGR_SERVER_RPC_IMPORT_SERVICE_H_

#include "dmgr/v1/import_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class ImportServiceImpl final : public v1::ImportService::Service {
 public:
  ImportServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

  grpc::Status FindForeignCluster(grpc::ServerContext* context,
                                  const v1::FindForeignClusterRequest* request,
                                  v1::FindForeignClusterResponse* response) override;
  grpc::Status ImportCluster(grpc::ServerContext* context, const v1::ImportClusterRequest* request,
                             v1::ImportClusterResponse* response) override;
  grpc::Status TakeOverCluster(grpc::ServerContext* context,
                               const v1::TakeOverClusterRequest* request,
                               v1::TakeOverClusterResponse* response) override;
  grpc::Status ExportTiupTls(grpc::ServerContext* context, const v1::ExportTiupTlsRequest* request,
                             v1::ExportTiupTlsResponse* response) override;
  grpc::Status ReleaseCluster(grpc::ServerContext* context,
                              const v1::ReleaseClusterRequest* request,
                              v1::ReleaseClusterResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_IMPORT_SERVICE_H_
