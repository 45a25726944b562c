#include "server/rpc/maintenance_service.h"

#include "common/error.h"
#include "server/operations/prune/prune.h"

namespace dmgr::rpc {

grpc::Status MaintenanceServiceImpl::PruneCluster(grpc::ServerContext* context,
                                                  const v1::PruneClusterRequest* request,
                                                  v1::PruneClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = request->cluster_name();
    ASSIGN_OR_RETURN(*response->mutable_operation(),
                     operations::PruneCluster(*services_, *request, Caller{session.user.name()}));
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
