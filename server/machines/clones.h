// Private to this room. Hosts that were copied with what tells hosts apart.
#ifndef DMGR_SERVER_MACHINES_CLONES_H_
#define DMGR_SERVER_MACHINES_CLONES_H_

#include "absl/status/status.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::machines {

// OK when the host that was seen as `machine`, with its facts, has a machine-id that is one, and no
// other registered machine is a host with the same machine-id that was booted apart from it: those
// are asked. FAILED_PRECONDITION, MACHINE_IDENTITY_INVALID; ALREADY_EXISTS, MACHINE_IDENTITY_TAKEN.
absl::Status CheckNoClone(const Resources& resources, const v1::Machine& machine,
                          const v1::Facts& seen);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_CLONES_H_
