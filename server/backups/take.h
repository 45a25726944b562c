// Making a backup of a cluster.
#ifndef DMGR_SERVER_BACKUPS_TAKE_H_
#define DMGR_SERVER_BACKUPS_TAKE_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/dm/master_client.h"
#include "server/resources/resources.h"

namespace dmgr::backups {

struct Taken {
  v1::BackupSummary summary;
  std::string sealed;
};

// Asks DM within that time; where it does not answer the newest copy is taken. NOT_FOUND; the error
// of the question when there is no copy.
absl::StatusOr<Taken> TakeBackup(const Resources& resources,
                                 const v1::BackupClusterRequest& request, const dm::Within& within);

}  // namespace dmgr::backups

#endif  // DMGR_SERVER_BACKUPS_TAKE_H_
