// Another name for a cluster.
#ifndef DMGR_SERVER_OPERATIONS_RENAME_RENAME_H_
#define DMGR_SERVER_OPERATIONS_RENAME_RENAME_H_

#include "absl/status/status.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"

namespace dmgr::operations {

// Changes the record, and then the name of the cluster's folder on dmgrd's machine; no host is
// touched. What has the name on its host, which is monitoring, awaits a reload. Ends its
// transaction with finish. ALREADY_EXISTS, CLUSTER_EXISTS; FAILED_PRECONDITION, CLUSTER_BUSY.
absl::Status RenameCluster(const Resources& resources, const v1::RenameClusterRequest& request,
                           const store::Finish& finish, v1::RenameClusterResponse* response);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RENAME_RENAME_H_
