// What DM needs of a database, as dmgrd finds it there.
#ifndef DMGR_SERVER_DATABASES_CHECKS_H_
#define DMGR_SERVER_DATABASES_CHECKS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/database_check.pb.h"
#include "server/databases/connection.h"

namespace dmgr::databases {

using Checks = std::vector<v1::DatabaseCheck>;

// Of a database that DM reads from: version, server_id, binlog, privileges. needs_gtid: the source
// is to be followed by GTIDs. Failures first, then warnings. Errors as of Connection; the database
// is not changed.
absl::StatusOr<Checks> CheckSourceDatabase(const Account& account, bool needs_gtid,
                                           absl::Time deadline);
// Of one that DM writes to: version, privileges.
absl::StatusOr<Checks> CheckTargetDatabase(const Account& account, absl::Time deadline);

}  // namespace dmgr::databases

#endif  // DMGR_SERVER_DATABASES_CHECKS_H_
