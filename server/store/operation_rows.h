// What the files of the operation store share. Included by no other room.
#ifndef DMGR_SERVER_STORE_OPERATION_ROWS_H_
#define DMGR_SERVER_STORE_OPERATION_ROWS_H_

#include <string>

#include "server/store/operation_store.h"
#include "server/store/pg.h"

namespace dmgr::store {

// These have an index.
#define DMGR_ACTIVE "state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK') "
#define DMGR_UNCLAIMED DMGR_ACTIVE "AND (lease_until IS NULL OR lease_until <= clock_timestamp()) "

absl::Status OperationNotFound(const std::string& operation_id);
// NOT_FOUND unless it is a UUID: the database would refuse to compare it.
absl::Status CheckOperationId(const std::string& operation_id);

// Sets the operation's steps in these states ('{RUNNING,FAILED}') to PENDING, with their events.
absl::Status ResetSteps(Transaction& tx, const std::string& operation_id, const char* states);

// Wakes those who wait for the operation's state, or for an operation to claim, at the commit.
absl::Status NotifyState(Transaction& tx, const std::string& operation_id);
absl::Status NotifyQueue(Transaction& tx, const std::string& operation_id);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_OPERATION_ROWS_H_
