// The calls of MachineService. Those that change something end their transaction with finish.
#ifndef DMGR_SERVER_MACHINES_MACHINES_H_
#define DMGR_SERVER_MACHINES_MACHINES_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/host_key_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"

namespace dmgr::machines {

// The key that an SSH server shows. Nobody logs in but on the way there.
absl::StatusOr<v1::HostKey> ScanHostKey(const Resources& resources,
                                        const v1::ScanHostKeyRequest& request);

// Connects with the credential, pins the host key (which must be the expected one, if one is
// given), finds out how to become root, reads the facts, and stores the machine. Stores nothing
// when any of it fails. FAILED_PRECONDITION with reason HOST_KEY_UNCONFIRMED when a password is
// among the credential and no key is given: nothing was sent to the host then. The same holds for a
// replacement.
absl::Status CreateMachine(const Resources& resources, const v1::CreateMachineRequest& request,
                           const store::Finish& finish, v1::CreateMachineResponse* response);

// The same test with the new values before they replace the old ones; none when only what dmgrd
// alone knows is changed. FAILED_PRECONDITION with reason DIFFERENT_HOST. The records of clusters
// follow a new address as far as dmgrd alone uses it; CLUSTER_BUSY or RELOAD_PENDING where one
// cannot.
absl::Status UpdateMachine(const Resources& resources, const v1::UpdateMachineRequest& request,
                           const store::Finish& finish, v1::UpdateMachineResponse* response);
// The same for another host in the machine's place.
absl::Status ReplaceMachine(const Resources& resources, const v1::ReplaceMachineRequest& request,
                            const store::Finish& finish, v1::ReplaceMachineResponse* response);
// FAILED_PRECONDITION while a cluster has an instance on it, other machines are reached through it
// or, without force, a cluster has left something there.
absl::Status DeleteMachine(const Resources& resources, const v1::DeleteMachineRequest& request,
                           const store::Finish& finish);

// Never fails for what is wrong with the host: that is in the items.
absl::StatusOr<v1::CheckMachineResponse> CheckMachine(const Resources& resources,
                                                      const std::string& machine_id);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_MACHINES_H_
