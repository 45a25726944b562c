// Rebuild: a cluster is brought back whose dm-masters are lost, from a copy of what they kept.
#ifndef DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_
#define DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION: MAJORITY_LIVES without force; NO_COPY when there is none of that time;
// HOSTS_UNREACHABLE when the dm-masters' hosts that answer, with those that others are replaced by,
// are no majority. INVALID_ARGUMENT, HOST_CONFLICT: others cannot be replaced so.
absl::StatusOr<v1::Operation> RebuildCluster(const Resources& resources,
                                             const v1::RebuildClusterRequest& request,
                                             const Caller& caller);

// Has a cluster keep what a backup has. INVALID_ARGUMENT: see backups::OpenBackup and ReadContents;
// FAILED_PRECONDITION: TASKS_RUN without force, BACKUP_IS_NEWER.
absl::StatusOr<v1::Operation> RestoreCluster(const Resources& resources,
                                             const v1::RestoreClusterHeader& request,
                                             std::string_view sealed, const Caller& caller);

// Registers the code of its steps.
void RegisterRebuildRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REBUILD_REBUILD_H_
