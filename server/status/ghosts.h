// Private to this room. What the status says of members and leftovers that the record has not.
#ifndef DMGR_SERVER_STATUS_GHOSTS_H_
#define DMGR_SERVER_STATUS_GHOSTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/dm/client.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"

namespace dmgr::status {

// Adds members that DM has and the record has not, what the cluster has left on hosts, and the
// calls that end either. leftovers: of all machines; members: as DM says, or why it says nothing.
void AddGhosts(const store::ClusterRecord& record, const absl::StatusOr<dm::Members>& members,
               const std::vector<store::LeftoverRecord>& leftovers,
               v1::GetClusterStatusResponse* response);

}  // namespace dmgr::status

#endif  // DMGR_SERVER_STATUS_GHOSTS_H_
