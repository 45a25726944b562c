// One watcher of all operations, or those of a cluster.
#ifndef DMGR_SERVER_RPC_LIST_WATCHER_H_
#define DMGR_SERVER_RPC_LIST_WATCHER_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/rpc/scope.h"
#include "server/rpc/stream.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// Sends the operations that have not ended, then each one whenever it is seen to have changed, of
// the clusters that the caller may know of. An error in `admitted` ends the stream with it. The
// reactor deletes itself.
grpc::ServerWriteReactor<v1::WatchOperationsResponse>* StartListWatcher(
    const absl::StatusOr<Admitted>& admitted, const std::string& cluster_name, const News& news,
    const Scope* scope, store::Database* database);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_LIST_WATCHER_H_
