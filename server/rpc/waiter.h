// One call that waits for the end of an operation.
#ifndef DMGR_SERVER_RPC_WAITER_H_
#define DMGR_SERVER_RPC_WAITER_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/rpc/stream.h"

namespace dmgr::rpc {

// Answers with the operation once it has ended, or the timeout has passed. An error in `operation`
// ends the call with it. reload reads the operation again. The
// reactor deletes itself.
grpc::ServerUnaryReactor* StartWaiter(const absl::StatusOr<v1::Operation>& operation,
                                      const store::CallerKey& caller, absl::Duration timeout,
                                      const News& news,
                                      std::function<absl::StatusOr<v1::Operation>()> reload,
                                      v1::WaitOperationResponse* response);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_WAITER_H_
