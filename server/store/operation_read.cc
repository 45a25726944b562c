#include <nlohmann/json.hpp>

#include "common/ids.h"
#include "server/store/enums.h"
#include "server/store/operation_rows.h"

namespace dmgr::store {
namespace {

#define DMGR_SELECT_OPERATION \
  "SELECT o.operation_id, o.kind, o.cluster_name, o.cluster_uuid, o.state, o.holds_cluster,"   \
  " o.error, o.user_name, o.request_id, o.request_fingerprint, o.plan_format, o.epoch,"        \
  " o.last_sequence, o.superseded_by, o.phase, o.resumed, o.abandoned, " DMGR_MICROS("o.create_time") " AS create_us, "         \
  DMGR_MICROS("o.start_time") " AS start_us, " DMGR_MICROS("o.end_time") " AS end_us,"         \
  " CASE WHEN o.state IN ('SUCCEEDED', 'ROLLED_BACK') THEN 100 ELSE coalesce(p.percent, 0) END AS percent"       \
  " FROM operation o LEFT JOIN LATERAL ("                                                      \
  "   SELECT least(100, 100 * sum(weight * CASE"                                               \
  "       WHEN o.phase = 'ROLLBACK' THEN (state = 'UNDONE')::integer"                          \
  "       WHEN state IN ('SUCCEEDED', 'SKIPPED') THEN 1"                                       \
  "       WHEN bytes_total > 0"                                                                \
  "         THEN least(1, bytes_done::double precision / bytes_total)"                         \
  "       ELSE 0 END ORDER BY position) / nullif(sum(weight ORDER BY position)"                \
  "       FILTER (WHERE o.phase = 'FORWARD' OR attempts > 0), 0)) AS percent"                  \
  "   FROM operation_step s WHERE s.operation_id = o.operation_id) p ON true "

constexpr char kGet[] = DMGR_SELECT_OPERATION "WHERE o.operation_id = $1::uuid";
constexpr char kLockRequest[] =
    "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))";
constexpr char kGetByRequest[] =
    "SELECT operation_id FROM operation WHERE user_name = $1 AND request_id = $2::uuid";
constexpr char kList[] = DMGR_SELECT_OPERATION
    "WHERE ($1::text IS NULL OR o.cluster_name = $1)"
    " AND ($5::text[] = '{}' OR o.state = ANY($5::text[]))"
    " AND ($6::text[] = '{}' OR o.kind = ANY($6::text[]))"
    " AND ($7::text IS NULL OR o.user_name = $7)"
    " AND ($8::bigint IS NULL OR o.create_time >= " DMGR_TIME("$8") ")"
    " AND ($9::bigint IS NULL OR o.create_time < " DMGR_TIME("$9") ")"
    " AND ($10::json IS NULL OR o.cluster_name IN (SELECT json_array_elements_text($10::json)))"
    " AND ($2::bigint IS NULL OR (o.create_time, o.operation_id) < (" DMGR_TIME("$2") ", $3::uuid))"
    " ORDER BY o.create_time DESC, o.operation_id DESC LIMIT $4::integer";
constexpr char kGetSome[] = DMGR_SELECT_OPERATION
    "WHERE o.operation_id IN (SELECT id::uuid FROM json_array_elements_text($1::json) id)";
constexpr char kCount[] =
    "SELECT kind, state, count(*) AS count FROM operation GROUP BY kind, state ORDER BY kind, "
    "state";
constexpr char kSkipped[] = "SELECT skipped FROM operation WHERE operation_id = $1::uuid";
constexpr char kRequest[] = "SELECT request FROM operation WHERE operation_id = $1::uuid";
constexpr char kSteps[] =
    "SELECT step_id, title, host, runner, state, attempts, payload, result, weight, bytes_done,"
    " bytes_total, depends_on, point_of_no_return, error, " DMGR_MICROS("start_time")
    " AS start_us, " DMGR_MICROS("end_time") " AS end_us"
    " FROM operation_step WHERE operation_id = $1::uuid ORDER BY position";
constexpr char kStepResult[] =
    "SELECT result FROM operation_step WHERE operation_id = $1::uuid AND step_id = $2";
constexpr char kEvents[] =
    "SELECT sequence, kind, step_id, state, attempt, bytes_done, bytes_total, level, message,"
    " error, " DMGR_MICROS("event_time") " AS event_us"
    " FROM operation_event WHERE operation_id = $1::uuid AND sequence > $2::bigint"
    " ORDER BY sequence LIMIT $3::integer";

OperationRecord ReadOperation(const pqxx::row& row) {
  OperationRecord record;
  v1::Operation& o = record.operation;
  o.set_operation_id(Text(row["operation_id"]));
  o.set_kind(FromText<v1::OperationKind>(Text(row["kind"])));
  o.set_cluster_name(Text(row["cluster_name"]));
  o.set_state(FromText<v1::OperationState>(Text(row["state"])));
  if (!row["error"].is_null()) ParseError(row["error"], o.mutable_error());
  o.set_user_name(Text(row["user_name"]));
  SetTime(row["create_us"], &o, &v1::Operation::mutable_create_time);
  SetTime(row["start_us"], &o, &v1::Operation::mutable_start_time);
  SetTime(row["end_us"], &o, &v1::Operation::mutable_end_time);
  o.set_last_sequence(row["last_sequence"].as<std::uint64_t>());
  o.set_progress_percent(row["percent"].as<double>());
  o.set_holds_cluster(row["holds_cluster"].as<bool>());
  o.set_superseded_by(Text(row["superseded_by"]));
  o.set_phase(FromText<v1::OperationPhase>(Text(row["phase"])));
  o.set_abandoned(row["abandoned"].as<bool>());
  o.set_cluster_uuid(Text(row["cluster_uuid"]));
  o.set_request_id(Text(row["request_id"]));
  record.request_fingerprint = Text(row["request_fingerprint"]);
  record.plan_format = row["plan_format"].as<int>();
  record.epoch = row["epoch"].as<std::uint64_t>();
  record.resumed = row["resumed"].as<bool>();
  return record;
}

StepRecord ReadStep(const pqxx::row& row) {
  StepRecord record;
  v1::OperationStep& s = record.step;
  s.set_step_id(Text(row["step_id"]));
  s.set_title(Text(row["title"]));
  s.set_host(Text(row["host"]));
  s.set_state(FromText<v1::StepState>(Text(row["state"])));
  s.set_attempts(row["attempts"].as<std::uint32_t>());
  if (!row["error"].is_null()) ParseError(row["error"], s.mutable_error());
  SetTime(row["start_us"], &s, &v1::OperationStep::mutable_start_time);
  SetTime(row["end_us"], &s, &v1::OperationStep::mutable_end_time);
  s.set_bytes_done(row["bytes_done"].as<std::uint64_t>());
  s.set_bytes_total(row["bytes_total"].as<std::uint64_t>());
  for (const auto& id : nlohmann::json::parse(Text(row["depends_on"]))) {
    s.add_depends_on(id.get<std::string>());
  }
  s.set_point_of_no_return(row["point_of_no_return"].as<bool>());
  record.runner = Text(row["runner"]);
  record.payload_json = Text(row["payload"]);
  record.result_json = Text(row["result"]);
  record.weight = row["weight"].as<double>();
  return record;
}

absl::Status ReadSkipped(Transaction& tx, v1::Operation* operation) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSkipped, {operation->operation_id()}));
  if (rows.empty()) return absl::OkStatus();
  for (const auto& one : nlohmann::json::parse(Text(rows[0]["skipped"]))) {
    auto* machine = operation->add_skipped_machines();
    machine->set_machine_id(one["machine_id"].get<std::string>());
    machine->set_reason(one["reason"].get<std::string>());
  }
  return absl::OkStatus();
}

// "{RUNNING,FAILED}" of enum values.
template <typename E>
std::string TextArray(const google::protobuf::RepeatedField<int>& values) {
  std::string array = "{";
  for (const int value : values)
    array += (array.size() > 1 ? "," : "") + ToText(static_cast<E>(value));
  return array + "}";
}

v1::OperationEvent ReadEvent(const pqxx::row& row) {
  v1::OperationEvent event;
  event.set_sequence(row["sequence"].as<std::uint64_t>());
  SetTime(row["event_us"], &event, &v1::OperationEvent::mutable_time);
  const std::string kind = Text(row["kind"]);
  if (kind == "OPERATION_STATE") {
    auto* changed = event.mutable_operation_state();
    changed->set_state(FromText<v1::OperationState>(Text(row["state"])));
    if (!row["error"].is_null()) ParseError(row["error"], changed->mutable_error());
  } else if (kind == "STEP_STATE") {
    auto* changed = event.mutable_step_state();
    changed->set_step_id(Text(row["step_id"]));
    changed->set_state(FromText<v1::StepState>(Text(row["state"])));
    changed->set_attempt(row["attempt"].as<std::uint32_t>());
    if (!row["error"].is_null()) ParseError(row["error"], changed->mutable_error());
  } else if (kind == "STEP_PROGRESS") {
    auto* progress = event.mutable_step_progress();
    progress->set_step_id(Text(row["step_id"]));
    progress->set_bytes_done(row["bytes_done"].as<std::uint64_t>());
    progress->set_bytes_total(row["bytes_total"].as<std::uint64_t>());
  } else {
    auto* log = event.mutable_log();
    log->set_level(FromText<v1::LogLine::Level>(Text(row["level"])));
    log->set_step_id(Text(row["step_id"]));
    log->set_text(Text(row["message"]));
  }
  return event;
}

}  // namespace

absl::Status OperationNotFound(const std::string& operation_id) {
  return Error(absl::StatusCode::kNotFound, "OPERATION_NOT_FOUND", "no operation {}",
               Printable(operation_id))
      .With("operation_id", Printable(operation_id))
      .Remedy("see the spelling of its id")
      .Next(v1::ACTION_LIST_OPERATIONS);
}

absl::Status CheckOperationId(const std::string& operation_id) {
  return IsUuid(operation_id) ? absl::OkStatus() : OperationNotFound(operation_id);
}

absl::StatusOr<std::optional<OperationRecord>> FindByRequestId(Transaction& tx,
                                                               const std::string& user,
                                                               const std::string& request_id) {
  if (!IsUuid(request_id)) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_INVALID",
                 "request_id is not a UUID")
        .Field("request_id", "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000")
        .Remedy("send a new random UUID with every new call, and the same with its repeats");
  }
  RETURN_IF_ERROR(Run(tx, kLockRequest, {user, request_id}).status());
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGetByRequest, {user, request_id}));
  if (rows.empty()) return std::optional<OperationRecord>();
  ASSIGN_OR_RETURN(OperationRecord record, GetOperation(tx, Text(rows[0]["operation_id"])));
  return std::optional<OperationRecord>(std::move(record));
}

absl::StatusOr<OperationRecord> GetOperation(Transaction& tx, const std::string& operation_id) {
  RETURN_IF_ERROR(CheckOperationId(operation_id));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {operation_id}));
  if (rows.empty()) return OperationNotFound(operation_id);
  OperationRecord record = ReadOperation(rows[0]);
  RETURN_IF_ERROR(ReadSkipped(tx, &record.operation));
  // After the operation: its steps may be newer than its last_sequence, never older.
  ASSIGN_OR_RETURN(const pqxx::result steps, Run(tx, kSteps, {operation_id}));
  for (const pqxx::row& row : steps) record.steps.push_back(ReadStep(row));
  return record;
}

absl::StatusOr<std::string> GetStepResult(Transaction& tx, const std::string& operation_id,
                                          const std::string& step_id) {
  RETURN_IF_ERROR(CheckOperationId(operation_id));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kStepResult, {operation_id, step_id}));
  if (!rows.empty()) return Text(rows[0]["result"]);
  return Error(absl::StatusCode::kInternal, "STEP_MISSING", "operation {} has no step {}",
               operation_id, Printable(step_id))
      .Remedy("report this as a bug of dmgr");
}

absl::Status ReadRequest(Transaction& tx, v1::Operation* operation) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kRequest, {operation->operation_id()}));
  if (rows.empty() || rows[0]["request"].is_null()) return absl::OkStatus();
  if (operation->mutable_request()->ParseFromString(Bytes(rows[0]["request"]))) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kDataLoss, "STORED_JSON_INVALID",
               "the stored request of operation {} is not readable", operation->operation_id())
      .Remedy("restore the row from a backup");
}

absl::StatusOr<std::vector<OperationRecord>> ListOperations(
    Transaction& tx, const v1::ListOperationsRequest& filter,
    const std::optional<std::pair<absl::Time, std::string>>& before, int limit,
    const SeenClusters& seen) {
  const v1::TimeRange& created = filter.create_time();
  Param before_time = nullptr;
  Param before_id = nullptr;
  if (before.has_value()) {
    RETURN_IF_ERROR(CheckOperationId(before->second));
    before_time = ToMicros(before->first);
    before_id = before->second;
  }
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kList,
          {Param::OrNull(filter.cluster_name()), before_time, before_id, limit,
           TextArray<v1::OperationState>(filter.states()),
           TextArray<v1::OperationKind>(filter.kinds()), Param::OrNull(filter.user_name()),
           MicrosOrNull(created.has_start_time(), created.start_time()),
           MicrosOrNull(created.has_end_time(), created.end_time()), Param::JsonOrNull(seen)}));
  std::vector<OperationRecord> records;
  for (const pqxx::row& row : rows) records.push_back(ReadOperation(row));
  return records;
}

absl::StatusOr<std::vector<OperationRecord>> GetOperations(
    Transaction& tx, const std::vector<std::string>& operation_ids) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kGetSome, {nlohmann::json(operation_ids).dump()}));
  std::vector<OperationRecord> records;
  for (const pqxx::row& row : rows) records.push_back(ReadOperation(row));
  return records;
}

absl::StatusOr<std::vector<OperationsOfKind>> CountOperations(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kCount, {}));
  std::vector<OperationsOfKind> counts;
  for (const pqxx::row& row : rows) {
    counts.push_back({.kind = FromText<v1::OperationKind>(Text(row["kind"])),
                      .state = FromText<v1::OperationState>(Text(row["state"])),
                      .count = row["count"].as<std::int64_t>()});
  }
  return counts;
}

absl::StatusOr<std::vector<v1::OperationEvent>> ListEvents(Transaction& tx,
                                                           const std::string& operation_id,
                                                           std::uint64_t after_sequence,
                                                           int limit) {
  RETURN_IF_ERROR(CheckOperationId(operation_id));
  const auto after = static_cast<std::int64_t>(std::min<std::uint64_t>(after_sequence, INT64_MAX));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kEvents, {operation_id, after, limit}));
  std::vector<v1::OperationEvent> events;
  for (const pqxx::row& row : rows) events.push_back(ReadEvent(row));
  return events;
}

}  // namespace dmgr::store
