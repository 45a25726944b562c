// A database that was restored from a backup: older than what hosts and clients have seen.
#ifndef DMGR_SERVER_STORE_RESTORE_H_
#define DMGR_SERVER_STORE_RESTORE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

// The highest number under which a host was changed; 0 before the first. It only grows, by each
// claim of an operation.
absl::StatusOr<std::int64_t> LastEpoch(Transaction& tx);

// How much there was of it.
struct Restored {
  int sessions = 0;
  int tokens = 0;
  int operations = 0;
};
// Makes a restored database safe to serve: nobody is logged in, no API token and no one-time secret
// is good; operations that were under way then are FAILED with reason RESTORED and wait for a
// person; the next epoch is higher than any that a host may have seen since the backup. No dmgrd
// may be running.
absl::StatusOr<Restored> AfterRestore(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_RESTORE_H_
