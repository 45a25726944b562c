// The database of a target, asked by dmgrd itself.
#ifndef DMGR_SERVER_OPERATIONS_TARGET_DATABASE_H_
#define DMGR_SERVER_OPERATIONS_TARGET_DATABASE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/target_service.pb.h"
#include "server/databases/checks.h"

namespace dmgr::operations {

// What is found in the database of a target, which has its secrets, before it is recorded: warnings
// alone. Errors as of RequireReady.
absl::StatusOr<databases::Checks> RequireTargetReady(const v1::Target& target);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TARGET_DATABASE_H_
