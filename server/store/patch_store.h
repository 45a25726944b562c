// Tables "patch" and "cluster_patch", and what "cluster_topology" says of patches.
#ifndef DMGR_SERVER_STORE_PATCH_STORE_H_
#define DMGR_SERVER_STORE_PATCH_STORE_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

// Keeps what is there of the same program, which counts as new again.
absl::Status InsertPatch(Transaction& tx, const v1::Patch& patch);
absl::StatusOr<v1::Patch> GetPatch(Transaction& tx, const std::string& patch_id);
// Of the component, made of the file with this hash.
absl::StatusOr<std::optional<v1::Patch>> FindPatch(Transaction& tx, const std::string& sha256,
                                                   const std::string& component);

// By id, after an id.
absl::StatusOr<std::vector<v1::Patch>> ListPatches(Transaction& tx, const std::string& after_id,
                                                   int limit);
// NOT_FOUND; FAILED_PRECONDITION with reason PATCH_IN_USE, naming the clusters.
absl::Status DeletePatch(Transaction& tx, const std::string& patch_id);

// Patch by component, for the instances that a scale-out adds.
using RolePatches = std::map<std::string, std::string>;
absl::StatusOr<RolePatches> ListRolePatches(Transaction& tx, const std::string& cluster);
// Empty: none.
absl::Status SetRolePatch(Transaction& tx, const std::string& cluster, const std::string& component,
                          const std::string& patch_id);

// What an instance runs; empty: its package's program.
absl::Status SetInstancePatch(Transaction& tx, const std::string& cluster,
                              const std::string& instance, const std::string& patch_id);
// New instances of the cluster get the patches that are kept for their components, and that run on
// their hosts.
absl::Status AdoptRolePatches(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances);

// An operation will use it. NOT_FOUND when it was freed.
absl::Status HoldPatch(Transaction& tx, const std::string& patch_id);
// Until the transaction ends nobody else inserts, holds or frees patches.
absl::Status LockPatches(Transaction& tx);
// Forgets the patches that nobody uses: no cluster, no operation that holds one (but for the one
// that ends), and no upload of the last day.
absl::Status FreePatches(Transaction& tx, const std::string& ending_operation_id);
absl::StatusOr<std::set<std::string>> ListPatchIds(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_PATCH_STORE_H_
