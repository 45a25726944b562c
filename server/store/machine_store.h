// Table "machine".
#ifndef DMGR_SERVER_STORE_MACHINE_STORE_H_
#define DMGR_SERVER_STORE_MACHINE_STORE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

struct MachineRecord {
  // Everything that is public; its etag is the row's version.
  v1::Machine machine;
  // The pinned host key, base64 of the SSH public key blob, with its type ("ssh-ed25519 AAAA...").
  std::string host_key;
  // v1::Credential, serialised and sealed.
  std::string sealed_credential;
};

// ALREADY_EXISTS: the id, or the same host and port, or the same identity at another address.
absl::Status InsertMachine(Transaction& tx, const MachineRecord& record);
// Sets everything but machine_id and create_time. ABORTED when record.machine.etag is set and old.
// A new identity takes the ports of the machine's instances along. Both: errors as CheckJumps.
absl::Status UpdateMachine(Transaction& tx, const MachineRecord& record);
absl::StatusOr<MachineRecord> GetMachine(Transaction& tx, const std::string& machine_id);
// By id, after `after_id`, at most limit.
absl::StatusOr<std::vector<MachineRecord>> ListMachines(Transaction& tx,
                                                        const std::string& after_id, int limit);
// Of machines in a row that others are reached through.
inline constexpr int kMaxJumps = 3;

// Whether this machine, which need not be there yet, may be reached through that one, which is ""
// for none: NOT_FOUND; FAILED_PRECONDITION (JUMPS_INVALID) when the way would lead through itself,
// or be longer than kMaxJumps for it or for those that are reached through it.
absl::Status CheckJumps(Transaction& tx, const std::string& machine_id, const std::string& via);
// The machines on the way to one that is reached through this one, the nearest first; none for "".
absl::StatusOr<std::vector<MachineRecord>> ListJumps(Transaction& tx, const std::string& via);

// FAILED_PRECONDITION naming the clusters that have an instance on it or, without force, have left
// something there, or the machines that are reached through it.
absl::Status DeleteMachine(Transaction& tx, const std::string& machine_id, bool force = false);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_MACHINE_STORE_H_
