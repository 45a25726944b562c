#include "server/rpc/repair_service.h"

#include "common/error.h"
#include "server/operations/repair/repair.h"

namespace dmgr::rpc {

grpc::Status RepairServiceImpl::RepairCluster(grpc::ServerContext* context,
                                              const v1::RepairClusterRequest* request,
                                              v1::RepairClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = request->cluster_name();
    const Caller caller{session.user.name()};
    ASSIGN_OR_RETURN(*response->mutable_operation(),
                     operations::RepairCluster(*services_, *request, caller));
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
