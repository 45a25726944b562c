// Table "machine_leftover": what clusters left on machines that could not be reached.
#ifndef DMGR_SERVER_STORE_LEFTOVER_STORE_H_
#define DMGR_SERVER_STORE_LEFTOVER_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/plan/v1/removal.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

struct LeftoverRecord {
  // Read only.
  std::int64_t leftover_id = 0;
  std::string machine_id;
  // Read only: the host's machine-id when it was given up, or the machine's id.
  std::string host_identity;
  std::string cluster_name;
  std::string cluster_uuid;
  std::string operation_id;
  plan::v1::HostRemoval removal;
  // Read only.
  absl::Time create_time;
};

// The same of one operation, cluster and machine a second time changes nothing.
absl::Status InsertLeftover(Transaction& tx, const LeftoverRecord& record);
// Oldest first.
absl::StatusOr<std::vector<LeftoverRecord>> ListLeftoversOn(Transaction& tx,
                                                            const std::string& machine_id);
// Of all machines, by machine, then oldest first.
absl::StatusOr<std::vector<LeftoverRecord>> ListLeftovers(Transaction& tx);
absl::Status DeleteLeftover(Transaction& tx, std::int64_t leftover_id);
// Those of a cluster on a machine.
absl::Status DeleteLeftovers(Transaction& tx, const std::string& machine_id,
                             const std::string& cluster_uuid);

// An epoch for a far end that is no operation's: newer than all that were given before, and older
// than those that come.
absl::StatusOr<std::uint64_t> NextEpoch(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_LEFTOVER_STORE_H_
