#include "server/rpc/target_service.h"

#include <string>

#include "server/operations/target/target.h"
#include "server/rpc/pages.h"

namespace dmgr::rpc {
namespace {

// What the audit log says of a target: "cluster/name".
std::string TargetPath(const std::string& cluster, const std::string& target) {
  return cluster + "/" + target;
}

}  // namespace

grpc::Status TargetServiceImpl::CreateTarget(grpc::ServerContext* context,
                                             const v1::CreateTargetRequest* request,
                                             v1::CreateTargetResponse* response) {
  return guard_->RunChange(
      *context, *request, response,
      [&](const Session& session, Audit* audit, const store::Finish& finish) {
        const auto& target = request->target();
        audit->target = TargetPath(target.cluster_name(), target.target_name());
        return operations::CreateTarget(*services_, *request, {session.user.name()}, finish);
      });
}

grpc::Status TargetServiceImpl::UpdateTarget(grpc::ServerContext* context,
                                             const v1::UpdateTargetRequest* request,
                                             v1::UpdateTargetResponse* response) {
  return guard_->RunChange(
      *context, *request, response,
      [&](const Session& session, Audit* audit, const store::Finish& finish) {
        const auto& target = request->target();
        audit->target = TargetPath(target.cluster_name(), target.target_name());
        return operations::UpdateTarget(*services_, *request, {session.user.name()}, finish);
      });
}

grpc::Status TargetServiceImpl::RollbackTarget(grpc::ServerContext* context,
                                               const v1::RollbackTargetRequest* request,
                                               v1::RollbackTargetResponse* response) {
  return guard_->RunChange(
      *context, *request, response,
      [&](const Session& session, Audit* audit, const store::Finish& finish) {
        audit->target = TargetPath(request->cluster_name(), request->target_name());
        return operations::RollbackTarget(*services_, *request, {session.user.name()}, finish);
      });
}

grpc::Status TargetServiceImpl::ListTargetRevisions(grpc::ServerContext* context,
                                                    const v1::ListTargetRevisionsRequest* request,
                                                    v1::ListTargetRevisionsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto revisions,
                     operations::ListTargetRevisions(*services_, request->cluster_name(),
                                                     request->target_name()));
    response->mutable_revisions()->Assign(revisions.begin(), revisions.end());
    return absl::OkStatus();
  });
}

grpc::Status TargetServiceImpl::GetTargetRevision(grpc::ServerContext* context,
                                                  const v1::GetTargetRevisionRequest* request,
                                                  v1::GetTargetRevisionResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response->mutable_revision(),
                     operations::GetTargetRevision(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TargetServiceImpl::DeleteTarget(grpc::ServerContext* context,
                                             const v1::DeleteTargetRequest* request,
                                             v1::DeleteTargetResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = TargetPath(request->cluster_name(), request->target_name());
        return operations::DeleteTarget(*services_, *request, finish);
      });
}

grpc::Status TargetServiceImpl::CheckTarget(grpc::ServerContext* context,
                                            const v1::CheckTargetRequest* request,
                                            v1::CheckTargetResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::CheckTarget(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TargetServiceImpl::GetTarget(grpc::ServerContext* context,
                                          const v1::GetTargetRequest* request,
                                          v1::GetTargetResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(
        *response->mutable_target(),
        operations::GetTarget(*services_, request->cluster_name(), request->target_name()));
    return absl::OkStatus();
  });
}

grpc::Status TargetServiceImpl::ListTargets(grpc::ServerContext* context,
                                            const v1::ListTargetsRequest* request,
                                            v1::ListTargetsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    ASSIGN_OR_RETURN(const auto targets,
                     operations::ListTargets(*services_, request->cluster_name(), after, size + 1));
    FillPage(
        targets, size,
        [&](const v1::Target& target) {
          *response->add_targets() = target;
          return target.target_name();
        },
        response);
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
