// One watcher of one operation.
#ifndef DMGR_SERVER_RPC_WATCHER_H_
#define DMGR_SERVER_RPC_WATCHER_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/rpc/stream.h"
#include "server/store/operation_store.h"

namespace dmgr::rpc {

// Sends the operation as it stands, then the events after after_sequence, each with the progress
// after it, until the operation has ended and its last event was sent. An error in `operation` ends
// the stream with it. reload reads the operation again, without its steps. The reactor deletes
// itself.
grpc::ServerWriteReactor<v1::WatchOperationResponse>* StartWatcher(
    const absl::StatusOr<store::OperationRecord>& operation, const store::CallerKey& caller,
    std::uint64_t after_sequence, const News& news,
    std::function<absl::StatusOr<v1::Operation>()> reload);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_WATCHER_H_
