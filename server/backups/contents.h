// What a backup holds, as bytes that are sealed.
#ifndef DMGR_SERVER_BACKUPS_CONTENTS_H_
#define DMGR_SERVER_BACKUPS_CONTENTS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dm/copy.pb.h"
#include "dmgr/plan/v1/backup.pb.h"

namespace dmgr::backups {

namespace pv1 = ::dmgr::plan::v1;

struct Contents {
  pv1::Backup backup;
  // Of backup.keys, which is empty.
  dm::KeysCopy keys;
};

// Packed. Both have passwords: wipe what was made of them.
absl::StatusOr<std::string> WriteContents(const Contents& contents);

// INVALID_ARGUMENT, BACKUP_UNREADABLE, for anything that WriteContents does not make of a cluster:
// also for keys that no copy has, and records that cannot be stored. Never takes more memory than
// the largest backup needs, whatever is said of its size.
absl::StatusOr<Contents> ReadContents(std::string_view plain);

}  // namespace dmgr::backups

#endif  // DMGR_SERVER_BACKUPS_CONTENTS_H_
