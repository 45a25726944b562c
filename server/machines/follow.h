// What clusters know of the way to a machine. Private to this room.
#ifndef DMGR_SERVER_MACHINES_FOLLOW_H_
#define DMGR_SERVER_MACHINES_FOLLOW_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/store/database.h"

namespace dmgr::machines {

// Has the records of the clusters with instances on a machine follow its new host and SSH port, as
// far as dmgrd alone uses them; part of the transaction that changes the machine. Returns the names
// of those in which the other instances still know it by its former host. FAILED_PRECONDITION,
// CLUSTER_BUSY or RELOAD_PENDING.
absl::StatusOr<std::vector<std::string>> FollowMachine(store::Transaction& tx,
                                                       const v1::Machine& former,
                                                       const v1::Machine& now);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_FOLLOW_H_
