// Table "cluster_behind": hosts that an operation left out, and that are not as the record says.
// They are read with their cluster.
#ifndef DMGR_SERVER_STORE_BEHIND_STORE_H_
#define DMGR_SERVER_STORE_BEHIND_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

// Keeps the first record of a host: a second call for the same host changes nothing.
absl::Status InsertBehind(Transaction& tx, const std::string& cluster,
                          const std::string& operation_id, const v1::SkippedMachine& skipped);
// They are as the record says.
absl::Status DeleteBehind(Transaction& tx, const std::string& cluster,
                          const std::vector<std::string>& machines);
// Those that the operation was the first to leave out.
absl::Status DeleteBehindOf(Transaction& tx, const std::string& cluster,
                            const std::string& operation_id);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_BEHIND_STORE_H_
