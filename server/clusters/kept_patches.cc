#include "server/clusters/kept_patches.h"

#include <algorithm>
#include <set>

#include "common/error.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::clusters {

using topology::Instance;

absl::StatusOr<std::map<std::string, std::string>> WordsOf(store::Transaction& tx,
                                                           const store::ClusterRecord& record,
                                                           const store::RolePatches& roles) {
  std::map<std::string, std::string> words;
  std::set<std::string> ids;
  for (const auto& instance : record.cluster.instances) ids.insert(instance.patch);
  for (const auto& [component, patch] : roles) ids.insert(patch);
  ids.erase("");
  for (const auto& id : ids) {
    ASSIGN_OR_RETURN(const v1::Patch patch, store::GetPatch(tx, id));
    words[id] = warehouse::Describe(patch);
  }
  words[""] = record.cluster.version;
  return words;
}

absl::StatusOr<KeptPatches> LoadKeptPatches(const Resources& resources,
                                            const store::ClusterRecord& record) {
  KeptPatches kept;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(kept.roles, store::ListRolePatches(tx, record.cluster.name));
    ASSIGN_OR_RETURN(kept.words, WordsOf(tx, record, kept.roles));
    return absl::OkStatus();
  }));
  return kept;
}

absl::Status CheckPlannedFrom(store::Transaction& tx, const store::ClusterRecord& planned) {
  ASSIGN_OR_RETURN(const auto now, store::GetCluster(tx, planned.cluster.name));
  const auto& before = planned.cluster.instances;
  const auto& after = now.cluster.instances;
  const bool same = now.cluster.version == planned.cluster.version &&
                    std::equal(before.begin(), before.end(), after.begin(), after.end(),
                               [](const Instance& a, const Instance& b) {
                                 return a.name == b.name && a.patch == b.patch;
                               });
  if (same) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "CLUSTER_CHANGED",
               "cluster {} was changed while this was planned", planned.cluster.name)
      .With("cluster", planned.cluster.name)
      .Remedy("try again");
}

}  // namespace dmgr::clusters
