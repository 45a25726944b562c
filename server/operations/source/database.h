// The database of a source, asked by dmgrd itself.
#ifndef DMGR_SERVER_OPERATIONS_SOURCE_DATABASE_H_
#define DMGR_SERVER_OPERATIONS_SOURCE_DATABASE_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/databases/checks.h"

namespace dmgr::operations {

// What is found in the database of a configuration, which has its secrets, before that is recorded:
// warnings alone. Errors as of RequireReady.
absl::StatusOr<databases::Checks> RequireSourceReady(const std::string& source,
                                                     const std::string& yaml);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SOURCE_DATABASE_H_
