// Reading the logs of instances.
#ifndef DMGR_SERVER_INSTANCES_LOGS_H_
#define DMGR_SERVER_INSTANCES_LOGS_H_

#include <functional>

#include "dmgr/v1/instance_service.pb.h"
#include "server/instances/streams.h"
#include "server/instances/targets.h"

namespace dmgr::instances {

// False: the caller has gone.
template <typename Response>
using Write = std::function<bool(const Response& response)>;
using Gone = std::function<bool()>;

// As InstanceService.ReadLogs. write is called on this thread; gone may be true from then on.
absl::Status ReadLogs(const Resources& resources, Places* places,
                      const v1::ReadLogsRequest& request, const Gone& gone,
                      const Write<v1::ReadLogsResponse>& write);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_LOGS_H_
