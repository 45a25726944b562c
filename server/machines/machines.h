// The calls of MachineService.
#ifndef DMGR_SERVER_MACHINES_MACHINES_H_
#define DMGR_SERVER_MACHINES_MACHINES_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::machines {

// Connects with the credential, pins the host key (which must have the expected fingerprint, if one
// is given), finds out how to become root, reads the facts, and stores the machine. Stores nothing
// when any of it fails.
absl::StatusOr<v1::Machine> CreateMachine(const Resources& resources,
                                          const v1::CreateMachineRequest& request);

// The same test with the new values before they replace the old ones.
absl::StatusOr<v1::Machine> UpdateMachine(const Resources& resources,
                                          const v1::UpdateMachineRequest& request);

// Never fails for what is wrong with the host: that is in the items.
absl::StatusOr<v1::CheckMachineResponse> CheckMachine(const Resources& resources,
                                                      const std::string& machine_id);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_MACHINES_H_
