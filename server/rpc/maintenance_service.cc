#include "server/rpc/maintenance_service.h"

#include <google/protobuf/util/time_util.h>

#include "server/clusters/record.h"
#include "server/operations/clean/clean.h"
#include "server/operations/prune/prune.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/rename/rename.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/scale/scale.h"
#include "server/rpc/mutation.h"
#include "server/store/copy_store.h"

namespace dmgr::rpc {
namespace {

using google::protobuf::util::TimeUtil;

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

}  // namespace dmgr::rpc
