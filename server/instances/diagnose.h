// One archive with all that a report about a cluster needs.
#ifndef DMGR_SERVER_INSTANCES_DIAGNOSE_H_
#define DMGR_SERVER_INSTANCES_DIAGNOSE_H_

#include "server/instances/logs.h"

namespace dmgr::instances {

// As InstanceService.DiagnoseCluster. What cannot be had is said in the archive, and keeps nothing
// else out of it.
absl::Status Diagnose(const Resources& resources, Places* places,
                      const v1::DiagnoseClusterRequest& request, const Gone& gone,
                      const Write<v1::DiagnoseClusterResponse>& write);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_DIAGNOSE_H_
