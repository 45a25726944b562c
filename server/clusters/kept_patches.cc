#include "server/clusters/kept_patches.h"

#include <set>

#include "common/error.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::clusters {

namespace {

// Every patch that the cluster uses, and none, in words.
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

}  // namespace

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

}  // namespace dmgr::clusters
