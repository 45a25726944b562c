// Calls that make an operation. Private to this room.
#ifndef DMGR_SERVER_RPC_MUTATION_H_
#define DMGR_SERVER_RPC_MUTATION_H_

#include "common/error.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

// `submit` is the function of the operations room for the call, which is about a cluster.
template <typename Request, typename Response, typename Submit>
grpc::Status RunMutation(Guard* guard, const Resources& resources, grpc::ServerContext* context,
                         const Request& request, Response* response, Submit submit) {
  return guard->Run(*context, request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = request.cluster_name();
    const Caller caller{session.user.name()};
    ASSIGN_OR_RETURN(*response->mutable_operation(), submit(resources, request, caller));
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_MUTATION_H_
