// The wanted configuration of a cluster that exists: checked and stored; a reload brings it to the
// hosts.
#ifndef DMGR_SERVER_OPERATIONS_RELOAD_EDIT_CONFIG_H_
#define DMGR_SERVER_OPERATIONS_RELOAD_EDIT_CONFIG_H_

#include "server/operations/deploy/deploy.h"

namespace dmgr::operations {

// No host is touched.
absl::StatusOr<v1::UpdateClusterTopologyResponse> UpdateClusterTopology(
    const Services& services, const v1::UpdateClusterTopologyRequest& request);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RELOAD_EDIT_CONFIG_H_
