// What the dm-workers of a task have logged of it. Private to this room.
#ifndef DMGR_SERVER_RPC_TASK_LOGS_H_
#define DMGR_SERVER_RPC_TASK_LOGS_H_

#include "absl/status/status.h"
#include "dmgr/v1/task_service.pb.h"
#include "server/instances/logs.h"
#include "server/resources/resources.h"

namespace dmgr::rpc {

// As TaskService.ReadTaskLogs. Those of the dm-workers that its sources are bound to; of all, when
// DM cannot say which these are.
absl::Status SendTaskLogs(const Resources& resources, instances::Places* places,
                          const v1::ReadTaskLogsRequest& request, const instances::Gone& gone,
                          const instances::Write<v1::ReadTaskLogsResponse>& write);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TASK_LOGS_H_
