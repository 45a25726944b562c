// Copies of what a cluster's dm-masters keep: sources and tasks with their passwords, and how far
// shards have come. With one a cluster is brought back whose dm-masters are lost.
#ifndef DMGR_SERVER_CLUSTERS_COPIES_H_
#define DMGR_SERVER_CLUSTERS_COPIES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/copy.pb.h"
#include "server/dm/master_client.h"
#include "server/resources/resources.h"
#include "server/store/copy_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// Context under which the copies of a cluster are sealed.
std::string CopyContext(const std::string& cluster_uuid);

// A copy as it is stored, but for its times and number.
absl::StatusOr<store::CopyRecord> SealCopy(const Resources& resources,
                                           const std::string& cluster_uuid,
                                           const dm::KeysCopy& copy);

// Asks the dm-masters, and keeps what they answer, sealed. Returns the number of the copy that has
// it; see store::KeepCopy.
absl::StatusOr<std::int64_t> TakeCopy(const Resources& resources, const topology::Cluster& cluster,
                                      const dm::Within& within);

// A copy by its record. NOT_FOUND, COPY_NOT_FOUND; FAILED_PRECONDITION, SECRETS_FORGOTTEN, when it
// was given up with its key; DATA_LOSS, COPY_UNREADABLE.
absl::StatusOr<dm::KeysCopy> OpenCopy(const Resources& resources, const std::string& cluster_uuid,
                                      std::int64_t copy_id);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_COPIES_H_
