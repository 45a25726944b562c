#include "server/store/patch_store.h"

#include <nlohmann/json.hpp>

#include "common/enum_words.h"
#include "server/store/pg.h"
#include "server/store/shared_upload_store.h"

namespace dmgr::store {
namespace {

// Whoever begins to use a patch and whoever frees patches go one after another.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(7236830543)";
constexpr char kInsert[] =
    "INSERT INTO patch (patch_id, component, file_name, size_bytes, sha256, arch, release)"
    " VALUES ($1, $2, $3, $4::bigint, $5, $6, $7::jsonb)"
    " ON CONFLICT (patch_id) DO UPDATE SET create_time = clock_timestamp(), used = false,"
    " release = excluded.release";
#define DMGR_SELECT_PATCH \
  "SELECT patch_id, file_name, size_bytes, sha256, arch, release, "                                \
  DMGR_MICROS("create_time") " AS create_us, coalesce((SELECT jsonb_agg(u.cluster_name ORDER BY"    \
  " u.cluster_name) FROM (SELECT cluster_name FROM cluster_topology t WHERE t.patch_id = p.patch_id" \
  " UNION SELECT cluster_name FROM cluster_patch c WHERE c.patch_id = p.patch_id) u), '[]')"        \
  " AS clusters FROM patch p "
constexpr char kGet[] = DMGR_SELECT_PATCH "WHERE patch_id = $1";
constexpr char kFind[] =
    DMGR_SELECT_PATCH "WHERE sha256 = $1 AND component = $2 ORDER BY patch_id LIMIT 1";
constexpr char kList[] =
    DMGR_SELECT_PATCH "WHERE patch_id > $1 ORDER BY patch_id LIMIT $2::integer";
// Operations that hold their cluster and name it.
constexpr char kHolders[] =
    "SELECT DISTINCT o.cluster_name FROM operation o JOIN operation_step s USING (operation_id)"
    " WHERE o.holds_cluster AND strpos(s.payload::text, $1) > 0 ORDER BY 1";
constexpr char kDelete[] = "DELETE FROM patch WHERE patch_id = $1";
constexpr char kRoles[] = "SELECT component, patch_id FROM cluster_patch WHERE cluster_name = $1";
constexpr char kSetRole[] =
    "INSERT INTO cluster_patch (cluster_name, component, patch_id) VALUES ($1, $2, $3)"
    " ON CONFLICT (cluster_name, component) DO UPDATE SET patch_id = excluded.patch_id";
constexpr char kClearRole[] =
    "DELETE FROM cluster_patch WHERE cluster_name = $1 AND component = $2";
constexpr char kSetInstance[] =
    "UPDATE cluster_topology SET patch_id = $3 WHERE cluster_name = $1 AND instance_name = $2";
constexpr char kAdopt[] =
    "UPDATE cluster_topology t SET patch_id = p.patch_id"
    " FROM cluster_patch p JOIN patch USING (patch_id)"
    " WHERE p.cluster_name = t.cluster_name AND p.component = t.component AND t.cluster_name = $1"
    " AND coalesce(nullif((SELECT facts->>'arch' FROM machine m WHERE m.machine_id = t.machine_id),"
    "  ''), patch.arch) = patch.arch"
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
  for (const auto& name : nlohmann::json::parse(Text(row["clusters"]))) {
    patch.add_cluster_names(name.get<std::string>());
  }
  return patch;
}

absl::Status NotFound(const std::string& patch_id) {
  return Error(absl::StatusCode::kNotFound, "PATCH_NOT_FOUND", "no patch {}", Printable(patch_id))
      .With("patch", Printable(patch_id))
      .Remedy("upload its file again")
      .Next(v1::ACTION_UPLOAD_PATCH);
}

}  // namespace

absl::Status InsertPatch(Transaction& tx, const v1::Patch& patch) {
  RETURN_IF_ERROR(LockPatches(tx));
  ASSIGN_OR_RETURN(const std::string release, ToJson(patch.release(), "release of the patch"));
  return Run(tx, kInsert,
             {patch.patch_id(), ToWord(patch.release().component()), patch.file_name(),
              patch.size_bytes(), patch.sha256(), patch.arch(), release})
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

absl::StatusOr<std::vector<v1::Patch>> ListPatches(Transaction& tx, const std::string& after_id,
                                                   int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {after_id, limit}));
  std::vector<v1::Patch> patches;
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(v1::Patch patch, Read(row));
    patches.push_back(std::move(patch));
  }
  return patches;
}

absl::Status DeletePatch(Transaction& tx, const std::string& patch_id) {
  RETURN_IF_ERROR(LockPatches(tx));
  ASSIGN_OR_RETURN(const v1::Patch patch, GetPatch(tx, patch_id));
  std::set<std::string> users(patch.cluster_names().begin(), patch.cluster_names().end());
  ASSIGN_OR_RETURN(const pqxx::result holders, Run(tx, kHolders, {patch_id}));
  for (const pqxx::row& row : holders) users.insert(Text(row["cluster_name"]));
  if (users.empty()) {
    RETURN_IF_ERROR(LockSharedFiles(tx));
    return Run(tx, kDelete, {patch_id}).status();
  }
  const std::string names = fmt::format("{}", fmt::join(users, ", "));
  return Error(absl::StatusCode::kFailedPrecondition, "PATCH_IN_USE", "patch {} is used by: {}",
               patch.file_name(), names)
      .With("patch_id", patch_id)
      .With("clusters", names)
      .Remedy("take it off these clusters first")
      .Next(v1::ACTION_REVERT_CLUSTER_PATCHES, {{"cluster_name", *users.begin()}});
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
  return Run(tx, kSetInstance, {cluster, instance, Param::OrNull(patch_id)}).status();
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
  RETURN_IF_ERROR(LockSharedFiles(tx));
  return Run(tx, kFree, {ending_operation_id}).status();
}

absl::StatusOr<std::set<std::string>> ListPatchIds(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kIds, {}));
  std::set<std::string> ids;
  for (const pqxx::row& row : rows) ids.insert(Text(row["patch_id"]));
  return ids;
}

}  // namespace dmgr::store
