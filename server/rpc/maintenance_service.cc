#include "server/rpc/maintenance_service.h"

#include <google/protobuf/util/time_util.h>

#include "common/secret.h"
#include "common/steady_time.h"
#include "server/backups/seal.h"
#include "server/backups/take.h"
#include "server/clusters/record.h"
#include "server/operations/clean/clean.h"
#include "server/operations/prune/prune.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/rename/rename.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/rotate_tls/rotate_tls.h"
#include "server/operations/scale/scale.h"
#include "server/operations/switch_tls/switch_tls.h"
#include "server/rpc/mutation.h"
#include "server/store/copy_store.h"

namespace dmgr::rpc {
namespace {

using google::protobuf::util::TimeUtil;

// For the dm-masters to answer; without a majority of them nobody does.
constexpr absl::Duration kBackupTime = absl::Seconds(10);
constexpr std::size_t kBackupPiece = std::size_t{256} << 10;

v1::Copy ToApi(const store::CopyRecord& record) {
  v1::Copy copy;
  *copy.mutable_take_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(record.take_time));
  *copy.mutable_confirm_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(record.confirm_time));
  copy.set_source_count(record.source_count);
  copy.set_subtask_count(record.subtask_count);
  return copy;
}

}  // namespace

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PruneCluster);
}

grpc::Status MaintenanceServiceImpl::CleanCluster(grpc::ServerContext* context,
                                                  const v1::CleanClusterRequest* request,
                                                  v1::CleanClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::CleanCluster);
}

grpc::Status MaintenanceServiceImpl::RotateClusterKey(grpc::ServerContext* context,
                                                      const v1::RotateClusterKeyRequest* request,
                                                      v1::RotateClusterKeyResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RotateClusterKey);
}

grpc::Status MaintenanceServiceImpl::RotateClusterTls(grpc::ServerContext* context,
                                                      const v1::RotateClusterTlsRequest* request,
                                                      v1::RotateClusterTlsResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RotateClusterTls);
}

grpc::Status MaintenanceServiceImpl::EnableClusterTls(grpc::ServerContext* context,
                                                      const v1::EnableClusterTlsRequest* request,
                                                      v1::EnableClusterTlsResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::EnableClusterTls);
}

grpc::Status MaintenanceServiceImpl::DisableClusterTls(grpc::ServerContext* context,
                                                       const v1::DisableClusterTlsRequest* request,
                                                       v1::DisableClusterTlsResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response,
                     operations::DisableClusterTls);
}

grpc::Status MaintenanceServiceImpl::RenameCluster(grpc::ServerContext* context,
                                                   const v1::RenameClusterRequest* request,
                                                   v1::RenameClusterResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = request->cluster_name();
        return operations::RenameCluster(*services_, *request, finish, response);
      });
}

grpc::Status MaintenanceServiceImpl::MoveMachine(grpc::ServerContext* context,
                                                 const v1::MoveMachineRequest* request,
                                                 v1::MoveMachineResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::MoveMachine);
}

grpc::Status MaintenanceServiceImpl::MoveCluster(grpc::ServerContext* context,
                                                 const v1::MoveClusterRequest* request,
                                                 v1::MoveClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::MoveCluster);
}

grpc::Status MaintenanceServiceImpl::RebuildCluster(grpc::ServerContext* context,
                                                    const v1::RebuildClusterRequest* request,
                                                    v1::RebuildClusterResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RebuildCluster);
}

grpc::Status MaintenanceServiceImpl::ListCopies(grpc::ServerContext* context,
                                                const v1::ListCopiesRequest* request,
                                                v1::ListCopiesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(*services_, request->cluster_name()));
    return services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto copies, store::ListCopies(tx, record.cluster.uuid));
      for (const auto& copy : copies) *response->add_copies() = ToApi(copy);
      return absl::OkStatus();
    });
  });
}

grpc::Status MaintenanceServiceImpl::BackupCluster(
    grpc::ServerContext* context, const v1::BackupClusterRequest* request,
    grpc::ServerWriter<v1::BackupClusterResponse>* writer) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->target = request->cluster_name();
    ASSIGN_OR_RETURN(
        const auto taken,
        backups::TakeBackup(*services_, *request,
                            {.deadline = SteadyNow() + kBackupTime,
                             .cancelled = [context] { return context->IsCancelled(); }}));
    v1::BackupClusterResponse response;
    *response.mutable_summary() = taken.summary;
    bool open = writer->Write(response);
    for (std::size_t at = 0; open && at < taken.sealed.size(); at += kBackupPiece) {
      response.set_data(taken.sealed.substr(at, kBackupPiece));
      open = writer->Write(response);
    }
    return open ? absl::OkStatus() : absl::CancelledError("the caller has gone");
  });
}

grpc::Status MaintenanceServiceImpl::RestoreCluster(
    grpc::ServerContext* context, grpc::ServerReader<v1::RestoreClusterRequest>* reader,
    v1::RestoreClusterResponse* response) {
  using Requests = Incoming<v1::RestoreClusterRequest>;
  const auto restore = [&](const Session& session, Audit* audit,
                           Requests* incoming) -> absl::Status {
    v1::RestoreClusterRequest message;
    if (!incoming->Read(&message) || !message.has_header()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "the first message must be the header of the restore")
          .Field("header", "must come first");
    }
    v1::RestoreClusterHeader header = message.header();
    const WipeAtEnd wiped(header.mutable_passphrase());
    Wipe(message.mutable_header()->mutable_passphrase());
    audit->target = header.cluster_name();
    std::string sealed;
    while (incoming->Read(&message)) {
      sealed += message.data();
      if (sealed.size() > backups::kMaxSealedBytes) break;
    }
    RETURN_IF_ERROR(incoming->status());
    ASSIGN_OR_RETURN(
        *response->mutable_operation(),
        operations::RestoreCluster(*services_, header, sealed, Caller{session.user.name()}));
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  };
  return guard_->RunStream(context, reader, restore);
}

}  // namespace dmgr::rpc
