// One watcher of tasks. Private to this room.
#ifndef DMGR_SERVER_RPC_TASK_WATCHER_H_
#define DMGR_SERVER_RPC_TASK_WATCHER_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/task_service.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/scope.h"
#include "server/rpc/stream.h"
#include "server/watching/task_feed.h"

namespace dmgr::rpc {

// What a feed of tasks sees with. resources must outlive it.
watching::TaskEyes TaskEyesOf(const Resources* resources);

// Sends all tasks that are asked for, then those that were seen to have changed, of the clusters
// that the caller may know of. An error in `admitted` ends the stream with it. The reactor deletes
// itself.
grpc::ServerWriteReactor<v1::WatchTasksResponse>* StartTaskWatcher(
    const absl::StatusOr<Admitted>& admitted, const v1::WatchTasksRequest& request,
    const News& news, const Scope* scope, watching::TaskFeed* feed);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TASK_WATCHER_H_
