#include "server/store/leftover_store.h"

#include <fmt/format.h>

#include <utility>

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kInsert[] =
    "INSERT INTO machine_leftover (machine_id, host_identity, cluster_name, cluster_uuid,"
    " operation_id, removal)"
    " SELECT machine_id, coalesce(identity, machine_id), $2, $3::uuid, $4::uuid, $5::jsonb"
    " FROM machine WHERE machine_id = $1 ON CONFLICT DO NOTHING";
#define DMGR_SELECT_LEFTOVER \
  "SELECT *, " DMGR_MICROS("create_time") " AS create_us FROM machine_leftover "
constexpr char kListOn[] = DMGR_SELECT_LEFTOVER "WHERE machine_id = $1 ORDER BY leftover_id";
constexpr char kList[] = DMGR_SELECT_LEFTOVER "ORDER BY machine_id, leftover_id";
constexpr char kDelete[] = "DELETE FROM machine_leftover WHERE leftover_id = $1::bigint";
constexpr char kDeleteAll[] =
    "DELETE FROM machine_leftover WHERE machine_id = $1 AND cluster_uuid = $2::uuid";
constexpr char kNextEpoch[] = "SELECT nextval('operation_epoch') AS epoch";

absl::StatusOr<std::vector<LeftoverRecord>> ReadAll(const pqxx::result& rows) {
  std::vector<LeftoverRecord> records;
  for (const pqxx::row& row : rows) {
    LeftoverRecord record;
    record.leftover_id = row["leftover_id"].as<std::int64_t>();
    record.machine_id = Text(row["machine_id"]);
    record.host_identity = Text(row["host_identity"]);
    record.cluster_name = Text(row["cluster_name"]);
    record.cluster_uuid = Text(row["cluster_uuid"]);
    record.operation_id = Text(row["operation_id"]);
    record.create_time = Time(row["create_us"]);
    RETURN_IF_ERROR(FromJson(Text(row["removal"]), &record.removal,
                             fmt::format("leftovers of machine {}", record.machine_id)));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

absl::Status InsertLeftover(Transaction& tx, const LeftoverRecord& record) {
  ASSIGN_OR_RETURN(const std::string json, ToJson(record.removal, "what is left on a machine"));
  return Run(tx, kInsert,
             {record.machine_id, record.cluster_name, record.cluster_uuid, record.operation_id,
              json})
      .status();
}

absl::StatusOr<std::vector<LeftoverRecord>> ListLeftoversOn(Transaction& tx,
                                                            const std::string& machine_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListOn, {machine_id}));
  return ReadAll(rows);
}

absl::StatusOr<std::vector<LeftoverRecord>> ListLeftovers(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {}));
  return ReadAll(rows);
}

absl::Status DeleteLeftover(Transaction& tx, std::int64_t leftover_id) {
  return Run(tx, kDelete, {leftover_id}).status();
}

absl::Status DeleteLeftovers(Transaction& tx, const std::string& machine_id,
                             const std::string& cluster_uuid) {
  return Run(tx, kDeleteAll, {machine_id, cluster_uuid}).status();
}

absl::StatusOr<std::uint64_t> NextEpoch(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kNextEpoch, {}));
  return rows[0]["epoch"].as<std::uint64_t>();
}

}  // namespace dmgr::store
