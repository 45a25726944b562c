// WarehouseService.
#ifndef DMGR_SERVER_RPC_WAREHOUSE_SERVICE_H_
#define DMGR_SERVER_RPC_WAREHOUSE_SERVICE_H_

#include "dmgr/v1/warehouse_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::rpc {

class WarehouseServiceImpl final : public v1::WarehouseService::Service {
 public:
  WarehouseServiceImpl(Guard* guard, const Resources* services, warehouse::Warehouse* warehouse)
      : guard_(guard), services_(services), warehouse_(warehouse) {}

  grpc::Status UploadPackage(grpc::ServerContext* context,
                             grpc::ServerReader<v1::UploadPackageRequest>* reader,
                             v1::UploadPackageResponse* response) override;
  grpc::Status UploadPatch(grpc::ServerContext* context,
                           grpc::ServerReader<v1::UploadPatchRequest>* reader,
                           v1::UploadPatchResponse* response) override;
  grpc::Status GetUpload(grpc::ServerContext* context, const v1::GetUploadRequest* request,
                         v1::GetUploadResponse* response) override;
  grpc::Status GetPackage(grpc::ServerContext* context, const v1::GetPackageRequest* request,
                          v1::GetPackageResponse* response) override;
  grpc::Status ListPackages(grpc::ServerContext* context, const v1::ListPackagesRequest* request,
                            v1::ListPackagesResponse* response) override;
  grpc::Status DeletePackage(grpc::ServerContext* context, const v1::DeletePackageRequest* request,
                             v1::DeletePackageResponse* response) override;
  grpc::Status GetPatch(grpc::ServerContext* context, const v1::GetPatchRequest* request,
                        v1::GetPatchResponse* response) override;
  grpc::Status ListPatches(grpc::ServerContext* context, const v1::ListPatchesRequest* request,
                           v1::ListPatchesResponse* response) override;
  grpc::Status DeletePatch(grpc::ServerContext* context, const v1::DeletePatchRequest* request,
                           v1::DeletePatchResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
  warehouse::Warehouse* warehouse_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_WAREHOUSE_SERVICE_H_
