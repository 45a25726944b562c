// One watcher of all operations, or those of a cluster.
#ifndef DMGR_SERVER_RPC_LIST_WATCHER_H_
#define DMGR_SERVER_RPC_LIST_WATCHER_H_

#include <string>

#include "absl/status/status.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/rpc/stream.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// Sends the operations that have not ended, then each one whenever it is seen to have changed. An
// error in `admitted` ends the stream with it. The reactor deletes itself.
grpc::ServerWriteReactor<v1::WatchOperationsResponse>* StartListWatcher(
    const absl::Status& admitted, const std::string& token_hash, const std::string& cluster_name,
    const News& news, store::Database* database);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_LIST_WATCHER_H_
