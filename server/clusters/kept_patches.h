// The patches that a cluster uses, and keeps for new instances.
#ifndef DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_
#define DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"

namespace dmgr::clusters {

// The patches that an upgrade drops, beside those that the instances carry.
struct KeptPatches {
  // By component, for new instances.
  std::map<std::string, std::string> roles;
  // Of all of them, in words.
  std::map<std::string, std::string> words;
};

// For an upgrade: the patches that the cluster uses.
absl::StatusOr<KeptPatches> LoadKeptPatches(const Resources& resources,
                                            const store::ClusterRecord& record);

// For the transaction that stores an operation: ABORTED when the cluster's patches or its version
// are not any more as they were when it was planned.
absl::Status CheckPlannedFrom(store::Transaction& tx, const store::ClusterRecord& planned);

// Every patch that the cluster uses, and none, in words.
absl::StatusOr<std::map<std::string, std::string>> WordsOf(store::Transaction& tx,
                                                           const store::ClusterRecord& record,
                                                           const store::RolePatches& roles);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_
