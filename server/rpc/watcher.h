// One watcher of one operation.
#ifndef DMGR_SERVER_RPC_WATCHER_H_
#define DMGR_SERVER_RPC_WATCHER_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/engine/event_feed.h"

namespace dmgr::rpc {

// Sends the operation as it stands, then the events after after_sequence, until the operation has
// ended and its last event was sent. An error in `operation` ends the stream with it. reload reads
// the operation again. The reactor deletes itself.
grpc::ServerWriteReactor<v1::WatchOperationResponse>* StartWatcher(
    absl::StatusOr<v1::Operation> operation, std::uint64_t after_sequence, engine::EventFeed* feed,
    std::function<absl::StatusOr<v1::Operation>()> reload);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_WATCHER_H_
