// Calls that make an operation. Private to this room.
#ifndef DMGR_SERVER_RPC_MUTATION_H_
#define DMGR_SERVER_RPC_MUTATION_H_

#include <type_traits>
#include <utility>

#include "common/error.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

// `submit` is the function of the operations room for the call, which is about a cluster: it
// returns the operation, or a response that has it.
template <typename Request, typename Response, typename Submit>
grpc::Status RunMutation(Guard* guard, const Resources& resources, grpc::ServerContext* context,
                         const Request& request, Response* response, Submit submit) {
  return guard->Run(*context, request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = request.cluster_name();
    const Caller caller{session.user.name()};
    auto submitted = submit(resources, request, caller);
    RETURN_IF_ERROR(submitted.status());
    if constexpr (std::is_same_v<decltype(submitted), absl::StatusOr<Response>>) {
      *response = *std::move(submitted);
    } else {
      *response->mutable_operation() = *std::move(submitted);
    }
    audit->operation_id = response->operation().operation_id();
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_MUTATION_H_
