// Running a cluster's own dmctl.
#ifndef DMGR_SERVER_INSTANCES_DMCTL_H_
#define DMGR_SERVER_INSTANCES_DMCTL_H_

#include <string>

#include "server/instances/logs.h"

namespace dmgr::instances {

// As InstanceService.RunDmctl. *what gets words for the audit: the cluster and the command without
// its arguments.
absl::Status RunDmctl(const Resources& resources, const v1::RunDmctlRequest& request,
                      std::string* what, const Gone& gone,
                      const Write<v1::RunDmctlResponse>& write);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_DMCTL_H_
