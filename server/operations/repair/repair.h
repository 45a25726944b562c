// Bringing hosts to what is recorded of them.
#ifndef DMGR_SERVER_OPERATIONS_REPAIR_REPAIR_H_
#define DMGR_SERVER_OPERATIONS_REPAIR_REPAIR_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/repair_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Its steps are those of steps/repair.h, which other operations have in front of theirs.
absl::StatusOr<v1::Operation> RepairCluster(const Resources& resources,
                                            const v1::RepairClusterRequest& request,
                                            const Caller& caller);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REPAIR_REPAIR_H_
