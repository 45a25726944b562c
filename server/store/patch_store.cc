#include "server/store/patch_store.h"

#include <nlohmann/json.hpp>

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// Whoever begins to use a patch and whoever frees patches go one after another.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(7236830543)";
constexpr char kInsert[] =
    "INSERT INTO patch (patch_id, component, file_name, size_bytes, sha256, arch, release)"
    " VALUES ($1, $2, $3, $4::bigint, $5, $6, $7::jsonb)"
    " ON CONFLICT (patch_id) DO UPDATE SET create_time = clock_timestamp(), used = false";
#define DMGR_SELECT_PATCH                                          \
  "SELECT patch_id, file_name, size_bytes, sha256, arch, release," \
  " " DMGR_MICROS("create_time") " AS create_us FROM patch "
constexpr char kGet[] = DMGR_SELECT_PATCH "WHERE patch_id = $1";
constexpr char kFind[] =
    DMGR_SELECT_PATCH "WHERE sha256 = $1 AND component = $2 ORDER BY patch_id LIMIT 1";
constexpr char kRoles[] = "SELECT component, patch_id FROM cluster_patch WHERE cluster_name = $1";
constexpr char kSetRole[] =
    "INSERT INTO cluster_patch (cluster_name, component, patch_id) VALUES ($1, $2, $3)"
    " ON CONFLICT (cluster_name, component) DO UPDATE SET patch_id = excluded.patch_id";
constexpr char kClearRole[] =
    "DELETE FROM cluster_patch WHERE cluster_name = $1 AND component = $2";
// A reload of a patched instance leaves another hotfix; what it was before the patch stays then.
constexpr char kSetInstance[] =
    "UPDATE cluster_topology SET patch_id = $3, hotfix = 'Patched',"
    " unpatched_hotfix = CASE hotfix WHEN 'Patched' THEN unpatched_hotfix ELSE hotfix END"
    " WHERE cluster_name = $1 AND instance_name = $2";
constexpr char kClearInstance[] =
    "UPDATE cluster_topology SET patch_id = NULL,"
    " hotfix = CASE hotfix WHEN 'Patched' THEN unpatched_hotfix ELSE hotfix END"
    " WHERE cluster_name = $1 AND instance_name = $2";
constexpr char kAdopt[] =
    "UPDATE cluster_topology t SET patch_id = p.patch_id, hotfix = 'Patched'"
    " FROM cluster_patch p WHERE p.cluster_name = t.cluster_name AND p.component = t.component"
    " AND t.cluster_name = $1"
    " AND t.instance_name IN (SELECT jsonb_array_elements_text($2::jsonb))";
constexpr char kHold[] = "UPDATE patch SET used = true WHERE patch_id = $1";
// The steps of an operation name the patches that it puts on instances and takes off them.
constexpr char kFree[] =
    "DELETE FROM patch p WHERE (used OR create_time < clock_timestamp() - interval '1 day')"
    " AND NOT EXISTS (SELECT FROM cluster_topology t WHERE t.patch_id = p.patch_id)"
    " AND NOT EXISTS (SELECT FROM cluster_patch c WHERE c.patch_id = p.patch_id)"
    " AND NOT EXISTS (SELECT FROM operation o JOIN operation_step s USING (operation_id)"
    "  WHERE o.holds_cluster AND o.operation_id::text <> $1"
    "  AND strpos(s.payload::text, p.patch_id) > 0)";
constexpr char kIds[] = "SELECT patch_id FROM patch";

absl::StatusOr<v1::Patch> Read(const pqxx::row& row) {
  v1::Patch patch;
  patch.set_patch_id(Text(row["patch_id"]));
  patch.set_file_name(Text(row["file_name"]));
  patch.set_size_bytes(row["size_bytes"].as<std::uint64_t>());
  patch.set_sha256(Text(row["sha256"]));
  patch.set_arch(Text(row["arch"]));
  RETURN_IF_ERROR(FromJson(Text(row["release"]), patch.mutable_release(),
                           fmt::format("release of patch {}", patch.patch_id())));
  SetTime(row["create_us"], &patch, &v1::Patch::mutable_create_time);
  return patch;
}

absl::Status NotFound(const std::string& patch_id) {
  return Error(absl::StatusCode::kNotFound, "PATCH_NOT_FOUND", "no patch {}", Printable(patch_id))
      .With("patch", Printable(patch_id))
      .Remedy("upload its file again: dmgrctl cluster patch NAME FILE does it");
}

}  // namespace

absl::Status InsertPatch(Transaction& tx, const v1::Patch& patch) {
  RETURN_IF_ERROR(LockPatches(tx));
  ASSIGN_OR_RETURN(const std::string release, ToJson(patch.release(), "release of the patch"));
  return Run(tx, kInsert,
             {patch.patch_id(), patch.release().component(), patch.file_name(), patch.size_bytes(),
              patch.sha256(), patch.arch(), release})
      .status();
}

absl::StatusOr<v1::Patch> GetPatch(Transaction& tx, const std::string& patch_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {patch_id}));
  if (rows.empty()) return NotFound(patch_id);
  return Read(rows[0]);
}

absl::StatusOr<std::optional<v1::Patch>> FindPatch(Transaction& tx, const std::string& sha256,
                                                   const std::string& component) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFind, {sha256, component}));
  if (rows.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(v1::Patch patch, Read(rows[0]));
  return patch;
}

absl::StatusOr<RolePatches> ListRolePatches(Transaction& tx, const std::string& cluster) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kRoles, {cluster}));
  RolePatches patches;
  for (const pqxx::row& row : rows) patches[Text(row["component"])] = Text(row["patch_id"]);
  return patches;
}

absl::Status SetRolePatch(Transaction& tx, const std::string& cluster, const std::string& component,
                          const std::string& patch_id) {
  if (patch_id.empty()) return Run(tx, kClearRole, {cluster, component}).status();
  return Run(tx, kSetRole, {cluster, component, patch_id}).status();
}

absl::Status SetInstancePatch(Transaction& tx, const std::string& cluster,
                              const std::string& instance, const std::string& patch_id) {
  if (patch_id.empty()) return Run(tx, kClearInstance, {cluster, instance}).status();
  return Run(tx, kSetInstance, {cluster, instance, patch_id}).status();
}

absl::Status AdoptRolePatches(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances) {
  return Run(tx, kAdopt, {cluster, nlohmann::json(instances).dump()}).status();
}

absl::Status HoldPatch(Transaction& tx, const std::string& patch_id) {
  RETURN_IF_ERROR(LockPatches(tx));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kHold, {patch_id}));
  return rows.affected_rows() == 1 ? absl::OkStatus() : NotFound(patch_id);
}

absl::Status LockPatches(Transaction& tx) { return Run(tx, kLock, {}).status(); }

absl::Status FreePatches(Transaction& tx, const std::string& ending_operation_id) {
  RETURN_IF_ERROR(LockPatches(tx));
  return Run(tx, kFree, {ending_operation_id}).status();
}

absl::StatusOr<std::set<std::string>> ListPatchIds(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kIds, {}));
  std::set<std::string> ids;
  for (const pqxx::row& row : rows) ids.insert(Text(row["patch_id"]));
  return ids;
}

}  // namespace dmgr::store
