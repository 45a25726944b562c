#include "server/store/migration_store.h"

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

#define DMGR_SELECT_MIGRATION(config) \
  "SELECT o.*, m.cluster_name, " config " AS sealed_config, r.user_name, "                     \
  DMGR_MICROS("r.create_time")                                                                 \
  " AS create_us FROM migration_object o JOIN cluster_meta m ON m.cluster_uuid = o.cluster_uuid" \
  " JOIN migration_revision r ON (r.cluster_uuid, r.kind, r.name, r.revision)"                 \
  " = (o.cluster_uuid, o.kind, o.name, o.revision) "
constexpr char kFind[] = DMGR_SELECT_MIGRATION(
    "r.sealed_config") "WHERE o.cluster_uuid = $1::uuid AND o.kind = $2 AND o.name = $3";
constexpr char kList[] = DMGR_SELECT_MIGRATION("CASE WHEN $7::boolean THEN ''::bytea ELSE r.sealed_config END")
    "WHERE o.kind = $1 AND ($2 = '' OR m.cluster_name = $2)"
    " AND ($3::jsonb IS NULL OR m.cluster_name IN (SELECT jsonb_array_elements_text($3::jsonb)))"
    " AND (m.cluster_name, o.name) > ($4 COLLATE \"C\", $5 COLLATE \"C\")"
    " ORDER BY m.cluster_name, o.name LIMIT nullif($6::integer, 0)";
constexpr char kTasksOf[] =
    "SELECT name FROM migration_object WHERE cluster_uuid = $1::uuid AND target_name = $2"
    " ORDER BY name";
constexpr char kNext[] =
    "SELECT coalesce(max(revision), 0) + 1 AS next FROM migration_revision"
    " WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3";
constexpr char kInsertRevision[] =
    "INSERT INTO migration_revision (cluster_uuid, kind, name, revision, sealed_config, user_name)"
    " VALUES ($1::uuid, $2, $3, $4::bigint, $5::bytea, $6) ON CONFLICT DO NOTHING";
constexpr char kDropOld[] =
    "DELETE FROM migration_revision r WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3"
    " AND revision <= $4::bigint - $5::bigint AND NOT EXISTS (SELECT FROM migration_object o"
    " WHERE (o.cluster_uuid, o.kind, o.name, o.revision)"
    " = (r.cluster_uuid, r.kind, r.name, r.revision))";
#define DMGR_SELECT_REVISION \
  "SELECT revision, sealed_config, user_name, " DMGR_MICROS("create_time") " AS create_us" \
  " FROM migration_revision WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3 "
constexpr char kGetRevision[] = DMGR_SELECT_REVISION "AND revision = $4::bigint";
constexpr char kListRevisions[] = DMGR_SELECT_REVISION "ORDER BY revision DESC";
// By what the step says that keeps them; a number that was dropped may have come again.
constexpr char kRevisionOperations[] =
    "SELECT (s.payload->>'revision')::bigint AS revision, o.operation_id::text AS operation_id"
    " FROM operation o JOIN operation_step s ON s.operation_id = o.operation_id"
    " WHERE o.cluster_uuid = $1::uuid AND s.runner = 'control.keep_revision'"
    " AND s.payload->>'kind' = $2 AND s.payload->>'name' = $3 ORDER BY o.create_time";
constexpr char kDropRevision[] =
    "DELETE FROM migration_revision r WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3"
    " AND revision = $4::bigint AND NOT EXISTS (SELECT FROM migration_object o"
    " WHERE (o.cluster_uuid, o.kind, o.name, o.revision)"
    " = (r.cluster_uuid, r.kind, r.name, r.revision))";
constexpr char kDropRevisions[] =
    "DELETE FROM migration_revision WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3";
constexpr char kLockTarget[] =
    "SELECT FROM migration_object WHERE cluster_uuid = $1::uuid AND kind = 'target' AND name = $2"
    " FOR KEY SHARE";
constexpr char kSet[] =
    "INSERT INTO migration_object (cluster_uuid, kind, name, revision, wanted, target_name, "
    "details)"
    " VALUES ($1::uuid, $2, $3, $4::bigint, $5, $6, $7::jsonb)"
    " ON CONFLICT (cluster_uuid, kind, name) DO UPDATE SET revision = excluded.revision,"
    " wanted = excluded.wanted, target_name = excluded.target_name, details = excluded.details";
constexpr char kSetWanted[] =
    "UPDATE migration_object SET wanted = $4"
    " WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3";
constexpr char kLock[] =
    "SELECT FROM migration_object WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3"
    " FOR UPDATE";
constexpr char kDrop[] =
    "DELETE FROM migration_object WHERE cluster_uuid = $1::uuid AND kind = $2 AND name = $3";

std::vector<Param> ParamsOf(const MigrationKey& key) {
  return {key.cluster_uuid, NameOf(key.kind), key.name};
}

std::vector<Param> ParamsOf(const MigrationKey& key, std::int64_t revision) {
  auto params = ParamsOf(key);
  params.emplace_back(revision);
  return params;
}

Param WordOf(Wanted wanted) {
  switch (wanted) {
    case Wanted::kNone:
      break;
    case Wanted::kRunning:
      return "running";
    case Wanted::kPaused:
      return "paused";
    case Wanted::kStopped:
      return "stopped";
  }
  return nullptr;
}

Wanted WantedOf(const std::string& word) {
  if (word == "running") return Wanted::kRunning;
  if (word == "paused") return Wanted::kPaused;
  return word == "stopped" ? Wanted::kStopped : Wanted::kNone;
}

MigrationKind KindOf(const std::string& word) {
  if (word == "source") return MigrationKind::kSource;
  return word == "task" ? MigrationKind::kTask : MigrationKind::kTarget;
}

MigrationRevision RevisionOf(const pqxx::row& row) {
  return {.revision = row["revision"].as<std::int64_t>(),
          .sealed_config = Bytes(row["sealed_config"]),
          .user_name = Text(row["user_name"]),
          .create_time = Time(row["create_us"])};
}

MigrationRecord RecordOf(const pqxx::row& row) {
  return {.key = {.cluster_uuid = Text(row["cluster_uuid"]),
                  .kind = KindOf(Text(row["kind"])),
                  .name = Text(row["name"])},
          .cluster_name = Text(row["cluster_name"]),
          .config = RevisionOf(row),
          .wanted = WantedOf(Text(row["wanted"])),
          .target_name = Text(row["target_name"]),
          .details_json = Text(row["details"])};
}

absl::Status CheckTarget(Transaction& tx, const MigrationRecord& record) {
  if (record.target_name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kLockTarget, {record.key.cluster_uuid, record.target_name}));
  if (!rows.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "TARGET_GONE",
               "task {} names the target {}, which is not there any more", record.key.name,
               record.target_name)
      .With("target", record.target_name)
      .Remedy("create the target again");
}

}  // namespace

const char* NameOf(MigrationKind kind) {
  switch (kind) {
    case MigrationKind::kSource:
      return "source";
    case MigrationKind::kTarget:
      return "target";
    case MigrationKind::kTask:
      break;
  }
  return "task";
}

absl::StatusOr<std::optional<MigrationRecord>> FindMigration(Transaction& tx,
                                                             const MigrationKey& key) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFind, ParamsOf(key)));
  if (rows.empty()) return std::optional<MigrationRecord>();
  return std::optional<MigrationRecord>(RecordOf(rows[0]));
}

absl::StatusOr<std::vector<MigrationRecord>> ListMigrations(Transaction& tx,
                                                            const MigrationFilter& filter) {
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kList,
          {NameOf(filter.kind), filter.cluster_name, Param::JsonOrNull(filter.seen),
           filter.after.first, filter.after.second, filter.limit, filter.without_config}));
  std::vector<MigrationRecord> records;
  for (const pqxx::row& row : rows) records.push_back(RecordOf(row));
  return records;
}

absl::StatusOr<std::vector<std::string>> ListTasksOfTarget(Transaction& tx,
                                                           const std::string& cluster_uuid,
                                                           const std::string& target) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kTasksOf, {cluster_uuid, target}));
  std::vector<std::string> names;
  for (const pqxx::row& row : rows) names.push_back(Text(row["name"]));
  return names;
}

absl::StatusOr<std::int64_t> NextRevision(Transaction& tx, const MigrationKey& key) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kNext, ParamsOf(key)));
  return rows[0]["next"].as<std::int64_t>();
}

absl::Status InsertRevision(Transaction& tx, const MigrationKey& key,
                            const MigrationRevision& revision) {
  auto params = ParamsOf(key, revision.revision);
  params.push_back(Param::Bytes(revision.sealed_config));
  params.emplace_back(revision.user_name);
  ASSIGN_OR_RETURN(const pqxx::result inserted, Run(tx, kInsertRevision, params));
  if (inserted.affected_rows() == 0) {
    return Error(absl::StatusCode::kAborted, "MIGRATION_CHANGED",
                 "{} {} was changed by another call at the same time", NameOf(key.kind), key.name)
        .With(NameOf(key.kind), key.name)
        .Remedy("look at it, and make the call again");
  }
  auto old = ParamsOf(key, revision.revision);
  old.emplace_back(kKeptRevisions);
  return Run(tx, kDropOld, old).status();
}

absl::StatusOr<MigrationRevision> GetRevision(Transaction& tx, const MigrationKey& key,
                                              std::int64_t revision) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGetRevision, ParamsOf(key, revision)));
  if (!rows.empty()) return RevisionOf(rows[0]);
  return Error(absl::StatusCode::kNotFound, "REVISION_NOT_FOUND",
               "{} {} has no configuration of number {}, or it is kept no longer", NameOf(key.kind),
               key.name, revision)
      .With(NameOf(key.kind), key.name);
}

absl::StatusOr<std::vector<MigrationRevision>> ListRevisions(Transaction& tx,
                                                             const MigrationKey& key) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListRevisions, ParamsOf(key)));
  std::vector<MigrationRevision> revisions;
  for (const pqxx::row& row : rows) revisions.push_back(RevisionOf(row));
  return revisions;
}

absl::StatusOr<std::map<std::int64_t, std::string>> ListRevisionOperations(
    Transaction& tx, const MigrationKey& key) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kRevisionOperations, ParamsOf(key)));
  std::map<std::int64_t, std::string> operations;
  for (const pqxx::row& row : rows) {
    operations[row["revision"].as<std::int64_t>()] = row["operation_id"].as<std::string>();
  }
  return operations;
}

absl::Status DropRevision(Transaction& tx, const MigrationKey& key, std::int64_t revision) {
  return Run(tx, kDropRevision, ParamsOf(key, revision)).status();
}

absl::Status SetMigration(Transaction& tx, const MigrationRecord& record) {
  RETURN_IF_ERROR(CheckTarget(tx, record));
  auto params = ParamsOf(record.key, record.config.revision);
  params.push_back(WordOf(record.wanted));
  params.push_back(Param::OrNull(record.target_name));
  params.emplace_back(record.details_json);
  return Run(tx, kSet, params).status();
}

absl::Status SetWanted(Transaction& tx, const MigrationKey& key, Wanted wanted) {
  auto params = ParamsOf(key);
  params.push_back(WordOf(wanted));
  return Run(tx, kSetWanted, params).status();
}

absl::Status DropMigration(Transaction& tx, const MigrationKey& key) {
  RETURN_IF_ERROR(Run(tx, kLock, ParamsOf(key)).status());
  if (key.kind == MigrationKind::kTarget) {
    ASSIGN_OR_RETURN(const auto tasks, ListTasksOfTarget(tx, key.cluster_uuid, key.name));
    if (!tasks.empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "TARGET_IN_USE",
                   "the target {} is named by {} task{}, such as {}", key.name, tasks.size(),
                   tasks.size() == 1 ? "" : "s", tasks.front())
          .With("target", key.name)
          .Remedy("give these tasks another target, or delete them");
    }
  }
  return Run(tx, kDrop, ParamsOf(key)).status();
}

absl::Status ForgetMigration(Transaction& tx, const MigrationKey& key) {
  RETURN_IF_ERROR(DropMigration(tx, key));
  return Run(tx, kDropRevisions, ParamsOf(key)).status();
}

}  // namespace dmgr::store
