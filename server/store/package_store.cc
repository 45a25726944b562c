#include "server/store/package_store.h"

#include <nlohmann/json.hpp>
#include <set>

#include "server/store/pg.h"
#include "server/store/shared_upload_store.h"

namespace dmgr::store {
namespace {

constexpr char kInsert[] =
    "INSERT INTO warehouse (version, file_name, size_bytes, sha256, arch, components)"
    " VALUES ($1, $2, $3::bigint, $4, $5, $6::jsonb -> 'components')"
    " ON CONFLICT (version) DO NOTHING";
constexpr char kUpdate[] =
    "UPDATE warehouse SET components = $3::jsonb -> 'components'"
    " WHERE version = $1 AND sha256 = $2";
#define DMGR_SELECT_PACKAGE \
  "SELECT version, file_name, size_bytes, sha256, arch,"                                    \
  " jsonb_build_object('components', components) AS components, "                           \
  DMGR_MICROS("create_time") " AS create_us, coalesce((SELECT jsonb_agg(cluster_name ORDER" \
  " BY cluster_name) FROM cluster_meta WHERE cluster_version = version), '[]') AS clusters" \
  " FROM warehouse "
constexpr char kGet[] = DMGR_SELECT_PACKAGE "WHERE version = $1";
constexpr char kList[] =
    DMGR_SELECT_PACKAGE "WHERE version > $1 ORDER BY version LIMIT $2::integer";
constexpr char kLock[] = "SELECT 1 FROM warehouse WHERE version = $1 FOR UPDATE";
// An operation that goes from it or to it: an upgrade, or what is left of one.
constexpr char kMoving[] =
    "SELECT DISTINCT o.cluster_name FROM operation o JOIN operation_step s USING (operation_id)"
    " WHERE o.holds_cluster AND (s.payload ->> 'from' = $1 OR s.payload ->> 'to' = $1) ORDER BY 1";
constexpr char kKeep[] = "SELECT 1 FROM warehouse WHERE version = $1 FOR KEY SHARE";
constexpr char kDelete[] = "DELETE FROM warehouse WHERE version = $1";

absl::Status NotFound(const std::string& version) {
  return Error(absl::StatusCode::kNotFound, "PACKAGE_NOT_FOUND", "no package {}",
               Printable(version))
      .With("version", Printable(version))
      .Remedy("upload it, or take one that is there")
      .Next(v1::ACTION_LIST_PACKAGES)
      .Next(v1::ACTION_UPLOAD_PACKAGE, {{"version", Printable(version)}});
}

absl::StatusOr<v1::Package> Read(const pqxx::row& row) {
  v1::Package package;
  const std::string version = Text(row["version"]);
  RETURN_IF_ERROR(FromJson(Text(row["components"]), &package,
                           fmt::format("components of package {}", version)));
  package.set_version(version);
  package.set_file_name(Text(row["file_name"]));
  package.set_size_bytes(row["size_bytes"].as<std::uint64_t>());
  package.set_sha256(Text(row["sha256"]));
  package.set_arch(Text(row["arch"]));
  SetTime(row["create_us"], &package, &v1::Package::mutable_create_time);
  for (const auto& name : nlohmann::json::parse(Text(row["clusters"]))) {
    package.add_cluster_names(name.get<std::string>());
  }
  return package;
}

absl::StatusOr<std::string> ComponentsOf(const v1::Package& package) {
  if (package.components().empty()) return std::string(R"({"components": []})");
  v1::Package components;
  *components.mutable_components() = package.components();
  return ToJson(components, "list of components");
}

}  // namespace

absl::Status UpdatePackage(Transaction& tx, const v1::Package& package) {
  ASSIGN_OR_RETURN(const std::string json, ComponentsOf(package));
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kUpdate, {package.version(), package.sha256(), json}));
  return rows.affected_rows() == 1 ? absl::OkStatus() : NotFound(package.version());
}

absl::Status InsertPackage(Transaction& tx, const v1::Package& package) {
  ASSIGN_OR_RETURN(const std::string json, ComponentsOf(package));
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kInsert,
                       {package.version(), package.file_name(), package.size_bytes(),
                        package.sha256(), package.arch(), json}));
  if (rows.affected_rows() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "PACKAGE_EXISTS", "package {} is there already",
               package.version())
      .With("version", package.version())
      .Remedy("use it, or remove it first")
      .Next(v1::ACTION_DELETE_PACKAGE, {{"version", package.version()}});
}

absl::StatusOr<v1::Package> GetPackage(Transaction& tx, const std::string& version) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {version}));
  if (rows.empty()) return NotFound(version);
  return Read(rows[0]);
}

absl::StatusOr<std::vector<v1::Package>> ListPackages(Transaction& tx,
                                                      const std::string& after_version, int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {after_version, limit}));
  std::vector<v1::Package> packages;
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(v1::Package package, Read(row));
    packages.push_back(std::move(package));
  }
  return packages;
}

absl::Status KeepPackage(Transaction& tx, const std::string& version) {
  ASSIGN_OR_RETURN(const pqxx::result kept, Run(tx, kKeep, {version}));
  return kept.empty() ? NotFound(version) : absl::OkStatus();
}

absl::Status DeletePackage(Transaction& tx, const std::string& version) {
  // The lock keeps a deploy from taking the version between the look and the removal.
  ASSIGN_OR_RETURN(const pqxx::result locked, Run(tx, kLock, {version}));
  if (locked.empty()) return NotFound(version);
  ASSIGN_OR_RETURN(const v1::Package package, GetPackage(tx, version));
  std::set<std::string> users(package.cluster_names().begin(), package.cluster_names().end());
  ASSIGN_OR_RETURN(const pqxx::result moving, Run(tx, kMoving, {version}));
  for (const pqxx::row& row : moving) users.insert(Text(row["cluster_name"]));
  if (!users.empty()) {
    const std::string names = fmt::format("{}", fmt::join(users, ", "));
    return Error(absl::StatusCode::kFailedPrecondition, "PACKAGE_IN_USE",
                 "package {} is used by: {}", version, names)
        .With("version", version)
        .With("clusters", names)
        .Remedy("destroy these clusters, or bring them to another version, first");
  }
  RETURN_IF_ERROR(LockSharedFiles(tx));
  return Run(tx, kDelete, {version}).status();
}

}  // namespace dmgr::store
