// dmgrd's own backup.
#ifndef DMGR_SERVER_BACKUP_COMMAND_H_
#define DMGR_SERVER_BACKUP_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "server/config.h"
#include "server/secrets/key_source.h"

namespace dmgr {

// Writes a file with all rows of the database as they are at one moment and what clusters have on
// this machine, sealed with the master key, which is not in it; packages by their hashes. A dmgrd
// may run meanwhile. A file that is there is replaced with `force` only: ALREADY_EXISTS,
// BACKUP_EXISTS, else. Prints what is in it.
absl::Status BackUp(const Config& config, const secrets::KeySource& source, const std::string& file,
                    bool force);

}  // namespace dmgr

#endif  // DMGR_SERVER_BACKUP_COMMAND_H_
