// Databases that a call is about to record, as dmgrd has found them.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_DATABASES_H_
#define DMGR_SERVER_OPERATIONS_CALLS_DATABASES_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/databases/checks.h"

namespace dmgr::operations {

// What a call goes on with, of what was found in a database: its warnings. what: "source s1".
// FAILED_PRECONDITION, DATABASE_NOT_READY, with all that failed; what kept dmgrd from asking stays,
// with a remedy that says how the call does without.
absl::StatusOr<databases::Checks> RequireReady(const std::string& what,
                                               const databases::Account& account,
                                               const absl::StatusOr<databases::Checks>& found);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_DATABASES_H_
