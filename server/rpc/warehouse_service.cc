#include "server/rpc/warehouse_service.h"

#include "common/error.h"
#include "server/rpc/pages.h"
#include "server/store/package_store.h"

namespace dmgr::rpc {
namespace {

absl::Status Receive(operations::Warehouse* warehouse,
                     grpc::ServerReader<v1::UploadPackageRequest>* reader, Audit* audit,
                     v1::UploadPackageResponse* response) {
  v1::UploadPackageRequest message;
  if (!reader->Read(&message) || !message.has_header()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "the first message of an upload must be its header")
        .Field("header", "must come first");
  }
  audit->target = message.header().file_name();
  ASSIGN_OR_RETURN(auto upload, warehouse->Begin(message.header()));
  response->set_already_present(upload->present().has_value());
  while (reader->Read(&message)) {
    if (!message.has_chunk()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "only chunks may follow the header of an upload")
          .Field("chunk", "must be set");
    }
    RETURN_IF_ERROR(upload->Append(message.chunk()));
  }
  ASSIGN_OR_RETURN(*response->mutable_package(), upload->Finish());
  return absl::OkStatus();
}

}  // namespace

grpc::Status WarehouseServiceImpl::UploadPackage(
    grpc::ServerContext* context, grpc::ServerReader<v1::UploadPackageRequest>* reader,
    v1::UploadPackageResponse* response) {
  return guard_->Run(
      *context, "dmgr.v1.WarehouseService/UploadPackage",
      [&](const Session&, Audit* audit) { return Receive(warehouse_, reader, audit, response); });
}

grpc::Status WarehouseServiceImpl::GetUpload(grpc::ServerContext* context,
                                             const v1::GetUploadRequest* request,
                                             v1::GetUploadResponse* response) {
  return guard_->Run(*context, "dmgr.v1.WarehouseService/GetUpload",
                     [&](const Session&, Audit*) -> absl::Status {
                       ASSIGN_OR_RETURN(const auto bytes, warehouse_->Received(request->sha256()));
                       response->set_received_bytes(bytes);
                       return absl::OkStatus();
                     });
}

grpc::Status WarehouseServiceImpl::GetPackage(grpc::ServerContext* context,
                                              const v1::GetPackageRequest* request,
                                              v1::GetPackageResponse* response) {
  return guard_->Run(*context, "dmgr.v1.WarehouseService/GetPackage", [&](const Session&, Audit*) {
    return services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(*response->mutable_package(), store::GetPackage(tx, request->version()));
      return absl::OkStatus();
    });
  });
}

grpc::Status WarehouseServiceImpl::ListPackages(grpc::ServerContext* context,
                                                const v1::ListPackagesRequest* request,
                                                v1::ListPackagesResponse* response) {
  return guard_->Run(
      *context, "dmgr.v1.WarehouseService/ListPackages",
      [&](const Session&, Audit*) -> absl::Status {
        ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
        ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
        std::vector<v1::Package> packages;
        RETURN_IF_ERROR(services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
          ASSIGN_OR_RETURN(packages, store::ListPackages(tx, after, size + 1));
          return absl::OkStatus();
        }));
        FillPage(
            packages, size,
            [&](const v1::Package& package) {
              *response->add_packages() = package;
              return package.version();
            },
            response);
        return absl::OkStatus();
      });
}

grpc::Status WarehouseServiceImpl::DeletePackage(grpc::ServerContext* context,
                                                 const v1::DeletePackageRequest* request,
                                                 v1::DeletePackageResponse*) {
  return guard_->Run(*context, "dmgr.v1.WarehouseService/DeletePackage",
                     [&](const Session&, Audit* audit) {
                       audit->target = request->version();
                       return warehouse_->Delete(request->version());
                     });
}

}  // namespace dmgr::rpc
