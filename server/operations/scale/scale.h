// Scale-out and scale-in: validate, plan, store.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_
#define DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_

#include "server/operations/deploy/deploy.h"

namespace dmgr::operations {

// As the calls of clusters.h.
absl::StatusOr<v1::Operation> ScaleOutCluster(const Services& services,
                                              const v1::ScaleOutClusterRequest& request,
                                              const Caller& caller);
absl::StatusOr<v1::Operation> ScaleInCluster(const Services& services,
                                             const v1::ScaleInClusterRequest& request,
                                             const Caller& caller);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_SCALE_H_
