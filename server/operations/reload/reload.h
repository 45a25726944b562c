// Reload: compare with the hosts, plan, store.
#ifndef DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
#define DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_

#include "server/operations/deploy/deploy.h"

namespace dmgr::operations {

// As the calls of clusters.h. The plan has the instances whose files differ from those on their
// hosts.
absl::StatusOr<v1::Operation> ReloadCluster(const Services& services,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RELOAD_RELOAD_H_
