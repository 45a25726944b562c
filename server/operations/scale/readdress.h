// A move of what is on a machine to the machine's own new address. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_READDRESS_H_
#define DMGR_SERVER_OPERATIONS_SCALE_READDRESS_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// The same machine is the old and the new one. Checks everything before it stores anything.
absl::StatusOr<v1::Operation> ReaddressMachine(const Resources& resources,
                                               const v1::MoveMachineRequest& request,
                                               const Caller& caller);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_READDRESS_H_
