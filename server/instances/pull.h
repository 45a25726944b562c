// Reading a file from hosts of a cluster.
#ifndef DMGR_SERVER_INSTANCES_PULL_H_
#define DMGR_SERVER_INSTANCES_PULL_H_

#include <string>

#include "server/instances/logs.h"

namespace dmgr::instances {

// As InstanceService.PullFile. *what gets words for the audit.
absl::Status PullFile(const Resources& resources, Places* places,
                      const v1::PullFileRequest& request, std::string* what, const Gone& gone,
                      const Write<v1::PullFileResponse>& write);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_PULL_H_
