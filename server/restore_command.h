// dmgrd from its own backup.
#ifndef DMGR_SERVER_RESTORE_COMMAND_H_
#define DMGR_SERVER_RESTORE_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "server/config.h"
#include "server/secrets/key_source.h"
#include "server/store/database.h"

namespace dmgr {

// Sessions and tokens are ended, what was under way waits for a person, and hosts take orders of
// this database again (store::AfterRestore); says so in the log.
absl::Status MakeRestoredSafe(store::Database* database);

// Reads a file that BackUp has made, first to its end without changing anything, then into an empty
// database and the clusters' folders on this machine, and makes that safe to serve. A folder that
// is there and the cluster's own stays as it is. Prints what came of it, and which packages and
// patches have to be uploaded again. FAILED_PRECONDITION: DATABASE_NOT_EMPTY, KEY_MISMATCH,
// CLUSTER_DIR_IN_USE; INVALID_ARGUMENT, BACKUP_UNREADABLE. Cut off, it can be begun again, or, once
// the rows are there, dmgrd refuses to start without --after-restore.
absl::Status Restore(const Config& config, const secrets::KeySource& source,
                     const std::string& file);

}  // namespace dmgr

#endif  // DMGR_SERVER_RESTORE_COMMAND_H_
