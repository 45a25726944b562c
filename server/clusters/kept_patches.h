// The patches that a cluster uses, and keeps for new instances.
#ifndef DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_
#define DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::clusters {

// The patches that a cluster uses.
struct KeptPatches {
  // The patches for new instances, by component.
  std::map<std::string, std::string> roles;
  // How people call each, those that instances carry among them; the empty one: the version.
  std::map<std::string, std::string> words;
};

absl::StatusOr<KeptPatches> LoadKeptPatches(const Resources& resources,
                                            const store::ClusterRecord& record);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_KEPT_PATCHES_H_
