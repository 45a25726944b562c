#include "server/rpc/source_service.h"

#include "server/operations/source/source.h"
#include "server/rpc/mutation.h"
#include "server/rpc/pages.h"

namespace dmgr::rpc {

grpc::Status SourceServiceImpl::CreateSource(grpc::ServerContext* context,
                                             const v1::CreateSourceRequest* request,
                                             v1::CreateSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::CreateSource);
}

grpc::Status SourceServiceImpl::UpdateSource(grpc::ServerContext* context,
                                             const v1::UpdateSourceRequest* request,
                                             v1::UpdateSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::UpdateSource);
}

grpc::Status SourceServiceImpl::RollbackSource(grpc::ServerContext* context,
                                               const v1::RollbackSourceRequest* request,
                                               v1::RollbackSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RollbackSource);
}

grpc::Status SourceServiceImpl::ListSourceRevisions(grpc::ServerContext* context,
                                                    const v1::ListSourceRevisionsRequest* request,
                                                    v1::ListSourceRevisionsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(
        const auto revisions,
        operations::ListSourceRevisions(*services_, request->cluster_name(), request->source_id()));
    response->mutable_revisions()->Assign(revisions.begin(), revisions.end());
    return absl::OkStatus();
  });
}

grpc::Status SourceServiceImpl::GetSourceRevision(grpc::ServerContext* context,
                                                  const v1::GetSourceRevisionRequest* request,
                                                  v1::GetSourceRevisionResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response->mutable_revision(),
                     operations::GetSourceRevision(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status SourceServiceImpl::DeleteSource(grpc::ServerContext* context,
                                             const v1::DeleteSourceRequest* request,
                                             v1::DeleteSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::DeleteSource);
}

grpc::Status SourceServiceImpl::TransferSource(grpc::ServerContext* context,
                                               const v1::TransferSourceRequest* request,
                                               v1::TransferSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::TransferSource);
}

grpc::Status SourceServiceImpl::SetSourceRelay(grpc::ServerContext* context,
                                               const v1::SetSourceRelayRequest* request,
                                               v1::SetSourceRelayResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::SetSourceRelay);
}

grpc::Status SourceServiceImpl::PurgeSourceRelay(grpc::ServerContext* context,
                                                 const v1::PurgeSourceRelayRequest* request,
                                                 v1::PurgeSourceRelayResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PurgeSourceRelay);
}

grpc::Status SourceServiceImpl::AdoptSource(grpc::ServerContext* context,
                                            const v1::AdoptSourceRequest* request,
                                            v1::AdoptSourceResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::AdoptSource);
}

grpc::Status SourceServiceImpl::CheckSource(grpc::ServerContext* context,
                                            const v1::CheckSourceRequest* request,
                                            v1::CheckSourceResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::CheckSource(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status SourceServiceImpl::GetSource(grpc::ServerContext* context,
                                          const v1::GetSourceRequest* request,
                                          v1::GetSourceResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(
        *response->mutable_source(),
        operations::GetSource(*services_, request->cluster_name(), request->source_id()));
    return absl::OkStatus();
  });
}

grpc::Status SourceServiceImpl::ListSources(grpc::ServerContext* context,
                                            const v1::ListSourcesRequest* request,
                                            v1::ListSourcesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    ASSIGN_OR_RETURN(const auto sources,
                     operations::ListSources(*services_, request->cluster_name(),
                                             {.after = after,
                                              .limit = static_cast<std::size_t>(size) + 1,
                                              .recorded_only = request->recorded_only()}));
    FillPage(
        sources, size,
        [&](const v1::Source& source) {
          *response->add_sources() = source;
          return source.source_id();
        },
        response);
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
