#include "server/rpc/warehouse_service.h"

#include "common/error.h"
#include "server/rpc/pages.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::rpc {
namespace {

// Reads the stream: its header, then chunks. begin: from the header to an upload.
template <typename Request, typename Response, typename Begin>
auto Receive(Incoming<Request>* incoming, Response* response, Begin begin)
    -> decltype((*begin(Request()))->Finish()) {
  Request message;
  if (!incoming->Read(&message) || !message.has_header()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "the first message of an upload must be its header")
        .Field("header", "must come first");
  }
  ASSIGN_OR_RETURN(auto upload, begin(message));
  response->set_already_present(upload->present().has_value());
  while (incoming->Read(&message)) {
    if (!message.has_chunk()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "only chunks may follow the header of an upload")
          .Field("chunk", "must be set");
    }
    RETURN_IF_ERROR(upload->Append(message.chunk()));
  }
  RETURN_IF_ERROR(incoming->status());
  return upload->Finish();
}

}  // namespace

grpc::Status WarehouseServiceImpl::UploadPackage(
    grpc::ServerContext* context, grpc::ServerReader<v1::UploadPackageRequest>* reader,
    v1::UploadPackageResponse* response) {
  const auto upload = [&](const Session&, Audit* audit, auto* incoming) -> absl::Status {
    ASSIGN_OR_RETURN(*response->mutable_package(),
                     Receive(incoming, response, [&](const v1::UploadPackageRequest& first) {
                       audit->target = first.header().file_name();
                       return warehouse_->Begin(first.header());
                     }));
    return absl::OkStatus();
  };
  return guard_->RunStream(context, reader, upload);
}

grpc::Status WarehouseServiceImpl::UploadPatch(grpc::ServerContext* context,
                                               grpc::ServerReader<v1::UploadPatchRequest>* reader,
                                               v1::UploadPatchResponse* response) {
  const auto upload = [&](const Session&, Audit* audit, auto* incoming) -> absl::Status {
    ASSIGN_OR_RETURN(*response->mutable_patch(),
                     Receive(incoming, response, [&](const v1::UploadPatchRequest& first) {
                       audit->target = first.header().file().file_name();
                       return warehouse::PatchUpload::Begin(*services_, &warehouse_->uploads(),
                                                            first.header());
                     }));
    return absl::OkStatus();
  };
  return guard_->RunStream(context, reader, upload);
}

grpc::Status WarehouseServiceImpl::GetUpload(grpc::ServerContext* context,
                                             const v1::GetUploadRequest* request,
                                             v1::GetUploadResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto bytes, warehouse_->uploads().Received(request->sha256()));
    response->set_received_bytes(bytes);
    return absl::OkStatus();
  });
}

grpc::Status WarehouseServiceImpl::GetPackage(grpc::ServerContext* context,
                                              const v1::GetPackageRequest* request,
                                              v1::GetPackageResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    return services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(*response->mutable_package(), store::GetPackage(tx, request->version()));
      KeepSeen(seen, response->mutable_package()->mutable_cluster_names());
      return absl::OkStatus();
    });
  });
}

grpc::Status WarehouseServiceImpl::ListPackages(grpc::ServerContext* context,
                                                const v1::ListPackagesRequest* request,
                                                v1::ListPackagesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
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
          KeepSeen(seen, response->mutable_packages()->rbegin()->mutable_cluster_names());
          return package.version();
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status WarehouseServiceImpl::DeletePackage(grpc::ServerContext* context,
                                                 const v1::DeletePackageRequest* request,
                                                 v1::DeletePackageResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->version();
                             return warehouse_->Delete(request->version(), finish);
                           });
}

grpc::Status WarehouseServiceImpl::GetPatch(grpc::ServerContext* context,
                                            const v1::GetPatchRequest* request,
                                            v1::GetPatchResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(*response->mutable_patch(),
                     warehouse::LoadPatch(*services_, request->patch_id()));
    KeepSeen(seen, response->mutable_patch()->mutable_cluster_names());
    return absl::OkStatus();
  });
}

grpc::Status WarehouseServiceImpl::ListPatches(grpc::ServerContext* context,
                                               const v1::ListPatchesRequest* request,
                                               v1::ListPatchesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    std::vector<v1::Patch> patches;
    RETURN_IF_ERROR(services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(patches, store::ListPatches(tx, after, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        patches, size,
        [&](const v1::Patch& patch) {
          *response->add_patches() = patch;
          KeepSeen(seen, response->mutable_patches()->rbegin()->mutable_cluster_names());
          return patch.patch_id();
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status WarehouseServiceImpl::DeletePatch(grpc::ServerContext* context,
                                               const v1::DeletePatchRequest* request,
                                               v1::DeletePatchResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->patch_id();
                             return warehouse::DeletePatch(*services_, request->patch_id(), finish);
                           });
}

}  // namespace dmgr::rpc
