#include "server/store/copy_store.h"

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// Of several that see the same, the first one writes.
constexpr char kClaim[] =
    "INSERT INTO cluster_copy_look AS mine (cluster_uuid, look_time)"
    " SELECT m.cluster_uuid, clock_timestamp() FROM cluster_meta m"
    " LEFT JOIN cluster_copy_look l USING (cluster_uuid) WHERE m.cluster_status = 'Up'"
    " AND (l.look_time IS NULL"
    "  OR l.look_time < clock_timestamp() - $1::bigint * interval '1 microsecond'"
    "  OR EXISTS (SELECT FROM operation o WHERE o.cluster_uuid = m.cluster_uuid"
    "   AND o.end_time > l.look_time AND NOT o.holds_cluster))"
    " ON CONFLICT (cluster_uuid) DO UPDATE SET look_time = excluded.look_time"
    " WHERE mine.look_time < excluded.look_time - interval '1 second'"
    " RETURNING (SELECT cluster_name FROM cluster_meta m WHERE m.cluster_uuid = mine.cluster_uuid)";
// Whoever keeps copies of a cluster does it alone.
constexpr char kLock[] = "SELECT FROM cluster_meta WHERE cluster_uuid = $1::uuid FOR SHARE";
constexpr char kConfirm[] =
    "UPDATE cluster_copy SET confirm_time = greatest(confirm_time, " DMGR_TIME("$4") ")"
    " WHERE copy_id = (SELECT max(copy_id) FROM cluster_copy WHERE cluster_uuid = $1::uuid)"
    " AND content_hash = $2 AND etcd_cluster_id = $3 AND length(sealed_copy) > 0"
    " RETURNING copy_id";
constexpr char kInsert[] =
    "INSERT INTO cluster_copy (cluster_uuid, content_hash, etcd_cluster_id, source_count,"
    " subtask_count, sealed_copy, take_time, confirm_time) VALUES ($1::uuid, $2, $3, $4::integer,"
    " $5::integer, $6::bytea, " DMGR_TIME("$7") ", " DMGR_TIME("$7") ") RETURNING copy_id";
constexpr char kClock[] = "SELECT " DMGR_MICROS("clock_timestamp()") " AS now_us";
constexpr char kReserve[] = "SELECT nextval(pg_get_serial_sequence('cluster_copy', 'copy_id'))";
constexpr char kInsertWithId[] =
    "INSERT INTO cluster_copy (copy_id, cluster_uuid, content_hash, etcd_cluster_id, source_count,"
    " subtask_count, sealed_copy) OVERRIDING SYSTEM VALUE"
    " VALUES ($1::bigint, $2::uuid, $3, $4, $5::integer, $6::integer, $7::bytea)";
constexpr char kDrop[] =
    "DELETE FROM cluster_copy WHERE cluster_uuid = $1::uuid AND copy_id = $2::bigint";
constexpr char kPrune[] =
    "DELETE FROM cluster_copy WHERE copy_id IN (SELECT copy_id FROM"
    " (SELECT copy_id, take_time, source_count,"
    "   row_number() OVER (ORDER BY copy_id DESC) AS age,"
    "   row_number() OVER (PARTITION BY date_trunc('hour', take_time) ORDER BY copy_id DESC) AS "
    "in_hour,"
    "   row_number() OVER (PARTITION BY date_trunc('day', take_time) ORDER BY copy_id DESC) AS "
    "in_day,"
    "   row_number() OVER (PARTITION BY source_count > 0 ORDER BY copy_id DESC) AS of_kind"
    "  FROM cluster_copy WHERE cluster_uuid = $1::uuid) c"
    " WHERE age > 10 AND NOT (source_count > 0 AND of_kind = 1)"
    " AND NOT (in_hour = 1 AND take_time > clock_timestamp() - interval '1 day')"
    " AND NOT (in_day = 1 AND take_time > clock_timestamp() - interval '30 days'))"
    " AND NOT EXISTS (SELECT FROM operation o WHERE o.cluster_uuid = $1::uuid AND o.holds_cluster)";
#define DMGR_SELECT_COPY(content)                                               \
  "SELECT copy_id, cluster_uuid, content_hash, etcd_cluster_id, source_count, " \
  "subtask_count, " content                                                     \
  " AS sealed_copy, " DMGR_MICROS("take_time") " AS take_us, " DMGR_MICROS(     \
      "confirm_time") " AS confirm_us FROM cluster_copy WHERE cluster_uuid = $1::uuid "
constexpr char kList[] = DMGR_SELECT_COPY("''::bytea") "ORDER BY copy_id DESC";
constexpr char kGet[] = DMGR_SELECT_COPY("sealed_copy") "AND copy_id = $2::bigint";

CopyRecord Read(const pqxx::row& row) {
  return {.copy_id = row["copy_id"].as<std::int64_t>(),
          .cluster_uuid = Text(row["cluster_uuid"]),
          .content_hash = Text(row["content_hash"]),
          .etcd_cluster_id = Text(row["etcd_cluster_id"]),
          .source_count = row["source_count"].as<int>(),
          .subtask_count = row["subtask_count"].as<int>(),
          .sealed_copy = Bytes(row["sealed_copy"]),
          .take_time = Time(row["take_us"]),
          .confirm_time = Time(row["confirm_us"])};
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ClaimCopyLooks(Transaction& tx, absl::Duration period) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kClaim, {absl::ToInt64Microseconds(period)}));
  std::vector<std::string> names;
  for (const pqxx::row& row : rows) names.push_back(Text(row[0]));
  return names;
}

absl::StatusOr<absl::Time> ReadClock(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kClock, {}));
  return Time(rows[0]["now_us"]);
}

absl::StatusOr<std::int64_t> KeepCopy(Transaction& tx, const CopyRecord& copy) {
  const std::int64_t taken = ToMicros(copy.take_time);
  RETURN_IF_ERROR(Run(tx, kLock, {copy.cluster_uuid}).status());
  ASSIGN_OR_RETURN(
      const pqxx::result confirmed,
      Run(tx, kConfirm, {copy.cluster_uuid, copy.content_hash, copy.etcd_cluster_id, taken}));
  if (!confirmed.empty()) return confirmed[0][0].as<std::int64_t>();
  ASSIGN_OR_RETURN(
      const pqxx::result inserted,
      Run(tx, kInsert,
          {copy.cluster_uuid, copy.content_hash, copy.etcd_cluster_id, copy.source_count,
           copy.subtask_count, Param::Bytes(copy.sealed_copy), taken}));
  RETURN_IF_ERROR(Run(tx, kPrune, {copy.cluster_uuid}).status());
  return inserted[0][0].as<std::int64_t>();
}

absl::StatusOr<std::int64_t> ReserveCopy(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kReserve, {}));
  return rows[0][0].as<std::int64_t>();
}

absl::Status InsertCopy(Transaction& tx, const CopyRecord& copy) {
  return Run(tx, kInsertWithId,
             {copy.copy_id, copy.cluster_uuid, copy.content_hash, copy.etcd_cluster_id,
              copy.source_count, copy.subtask_count, Param::Bytes(copy.sealed_copy)})
      .status();
}

absl::Status DropCopy(Transaction& tx, const std::string& cluster_uuid, std::int64_t copy_id) {
  return Run(tx, kDrop, {cluster_uuid, copy_id}).status();
}

absl::StatusOr<std::vector<CopyRecord>> ListCopies(Transaction& tx,
                                                   const std::string& cluster_uuid) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {cluster_uuid}));
  std::vector<CopyRecord> copies;
  for (const pqxx::row& row : rows) copies.push_back(Read(row));
  return copies;
}

absl::StatusOr<CopyRecord> GetCopy(Transaction& tx, const std::string& cluster_uuid,
                                   std::int64_t copy_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {cluster_uuid, copy_id}));
  if (!rows.empty()) return Read(rows[0]);
  return Error(absl::StatusCode::kNotFound, "COPY_NOT_FOUND",
               "the copy {} of what the cluster's dm-masters keep is gone", copy_id)
      .Remedy("list the copies that there are");
}

}  // namespace dmgr::store
