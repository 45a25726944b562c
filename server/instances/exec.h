// Running programs on a cluster's hosts.
#ifndef DMGR_SERVER_INSTANCES_EXEC_H_
#define DMGR_SERVER_INSTANCES_EXEC_H_

#include <string>

#include "server/instances/logs.h"

namespace dmgr::instances {

// As InstanceService.Exec. *what gets words for the audit as soon as they are known: the cluster,
// the program without its arguments, which may be secret, the hosts, the user.
absl::Status Exec(const Resources& resources, Places* places, const v1::ExecRequest& request,
                  std::string* what, const Gone& gone, const Write<v1::ExecResponse>& write);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_EXEC_H_
