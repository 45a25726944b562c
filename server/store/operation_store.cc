#include "server/store/operation_store.h"

#include <nlohmann/json.hpp>

#include "common/ids.h"
#include "server/store/enums.h"
#include "server/store/operation_rows.h"

namespace dmgr::store {
namespace {

constexpr char kSupersede[] =
    "UPDATE operation SET holds_cluster = false, superseded_by = $2::uuid"
    " WHERE cluster_name = $1 AND holds_cluster AND state IN ('FAILED', 'CANCELLED')";
constexpr char kInsert[] =
    "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state, holds_cluster,"
    " user_name, request_id, request_fingerprint, plan_format, request, skipped, last_sequence)"
    " VALUES ($1::uuid, $2, $3, $4::uuid, 'QUEUED', true, $5, $6::uuid, $7, $8::integer, $9::bytea,"
    " $10::json, 1)"
    " ON CONFLICT DO NOTHING";
constexpr char kFindHolder[] =
    "SELECT operation_id, kind, state FROM operation WHERE cluster_name = $1 AND holds_cluster";
constexpr char kInsertSteps[] =
    "INSERT INTO operation_step (operation_id, step_id, position, title, host, runner, state,"
    " attempts, start_time, end_time,"
    " payload, result, weight, bytes_total, depends_on, point_of_no_return)"
    " SELECT $1::uuid, s.step_id, s.position, s.title, s.host, s.runner,"
    " CASE WHEN s.done THEN 'SUCCEEDED' ELSE 'PENDING' END, s.done::integer,"
    " CASE WHEN s.done THEN clock_timestamp() END, CASE WHEN s.done THEN clock_timestamp() END,"
    " s.payload::json, s.result::json, s.weight, s.bytes_total, s.depends_on, s.point_of_no_return"
    " FROM json_to_recordset($2::json) AS s(step_id text, position integer, title text,"
    " host text, runner text, done boolean, payload text, result text, weight double precision,"
    " bytes_total bigint, depends_on jsonb, point_of_no_return boolean)";
constexpr char kInsertStateEvent[] =
    "INSERT INTO operation_event (operation_id, sequence, kind, state)"
    " SELECT operation_id, last_sequence, 'OPERATION_STATE', state FROM operation"
    " WHERE operation_id = $1::uuid";
constexpr char kInsertDoneEvents[] =
    "WITH done AS (SELECT step_id, position FROM operation_step"
    "  WHERE operation_id = $1::uuid AND state = 'SUCCEEDED'),"
    " counted AS ("
    "  UPDATE operation SET last_sequence = last_sequence + (SELECT count(*) FROM done)"
    "  WHERE operation_id = $1::uuid RETURNING last_sequence)"
    " INSERT INTO operation_event (operation_id, sequence, kind, step_id, state, attempt)"
    " SELECT $1::uuid, counted.last_sequence + 1 - row_number() OVER (ORDER BY position DESC),"
    "  'STEP_STATE', step_id, 'SUCCEEDED', 1 FROM done, counted";
constexpr char kLockState[] =
    "SELECT state, phase, holds_cluster, superseded_by FROM operation"
    " WHERE operation_id = $1::uuid FOR NO KEY UPDATE";
constexpr char kCancel[] =
    "UPDATE operation SET state = 'CANCELLING', last_sequence = last_sequence + 1"
    " WHERE operation_id = $1::uuid";
constexpr char kResume[] =
    "UPDATE operation SET error = NULL, end_time = NULL, resumed = true, lost_claims = 0,"
    " state = CASE phase WHEN 'FORWARD' THEN 'QUEUED' ELSE 'ROLLING_BACK' END,"
    " last_sequence = last_sequence + 1 WHERE operation_id = $1::uuid";
constexpr char kFindNoReturn[] =
    "SELECT title, host FROM operation_step WHERE operation_id = $1::uuid"
    " AND point_of_no_return AND attempts > 0 ORDER BY position LIMIT 1";
constexpr char kRollback[] =
    "UPDATE operation SET state = 'ROLLING_BACK', phase = 'ROLLBACK', end_time = NULL,"
    " last_sequence = last_sequence + 1 WHERE operation_id = $1::uuid";
constexpr char kAbandon[] =
    "UPDATE operation SET holds_cluster = false, abandoned = true,"
    " last_sequence = last_sequence + 1 WHERE operation_id = $1::uuid";
constexpr char kResetSteps[] =
    "WITH reset AS ("
    "  UPDATE operation_step SET state = 'PENDING', error = NULL, end_time = NULL"
    "  WHERE operation_id = $1::uuid AND state = ANY($2::text[])"
    "  RETURNING step_id, attempts, position),"
    " counted AS ("
    "  UPDATE operation SET last_sequence = last_sequence + (SELECT count(*) FROM reset)"
    "  WHERE operation_id = $1::uuid RETURNING last_sequence)"
    " INSERT INTO operation_event (operation_id, sequence, kind, step_id, state, attempt)"
    " SELECT $1::uuid, counted.last_sequence + 1 - row_number() OVER (ORDER BY position DESC),"
    "  'STEP_STATE', step_id, 'PENDING', attempts FROM reset, counted";
constexpr char kNotify[] = "SELECT pg_notify($1, $2)";

std::string StepsJson(const std::vector<StepRecord>& steps) {
  nlohmann::json list = nlohmann::json::array();
  for (const StepRecord& record : steps) {
    const v1::OperationStep& step = record.step;
    list.push_back({{"step_id", step.step_id()},
                    {"position", list.size()},
                    {"title", step.title()},
                    {"host", step.host()},
                    {"runner", record.runner},
                    {"done", step.state() == v1::STEP_STATE_SUCCEEDED},
                    {"payload", record.payload_json},
                    {"result", record.result_json},
                    {"weight", record.weight},
                    {"bytes_total", step.bytes_total()},
                    {"depends_on",
                     std::vector<std::string>(step.depends_on().begin(), step.depends_on().end())},
                    {"point_of_no_return", step.point_of_no_return()}});
  }
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string SkippedJson(const v1::Operation& operation) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& machine : operation.skipped_machines()) {
    list.push_back({{"machine_id", machine.machine_id()}, {"reason", machine.reason()}});
  }
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool CanBeSuperseded(const pqxx::row& holder) {
  const std::string state = Text(holder["state"]);
  return state == "FAILED" || state == "CANCELLED";
}

absl::Status ClusterBusy(const std::string& cluster, const pqxx::row& holder) {
  const std::string id = Text(holder["operation_id"]);
  const std::string state = Text(holder["state"]);
  const bool ended = CanBeSuperseded(holder);
  Error error(absl::StatusCode::kFailedPrecondition, "CLUSTER_BUSY",
              "cluster {} is held by operation {} ({}, {})", cluster, id, Text(holder["kind"]),
              state);
  error.With("cluster", cluster).With("operation_id", id).With("state", state);
  if (ended) {
    error
        .Remedy(
            "resume it, or undo it, or stop or destroy the whole cluster, after which neither "
            "works")
        .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}})
        .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", id}});
  } else {
    error.Remedy("wait for it, or cancel it")
        .Next(v1::ACTION_WATCH_OPERATION, {{"operation_id", id}})
        .Next(v1::ACTION_CANCEL_OPERATION, {{"operation_id", id}});
  }
  error.Precondition("CLUSTER_BUSY", cluster, fmt::format("held by operation {}", id));
  return error;
}

// Why INSERT did nothing.
absl::Status InsertRefused(Transaction& tx, const OperationRecord& record) {
  const std::string& cluster = record.operation.cluster_name();
  ASSIGN_OR_RETURN(const pqxx::result holders, Run(tx, kFindHolder, {cluster}));
  if (!holders.empty()) return ClusterBusy(cluster, holders[0]);
  if (!record.operation.request_id().empty()) {
    ASSIGN_OR_RETURN(const auto same, FindByRequestId(tx, record.operation.user_name(),
                                                      record.operation.request_id()));
    if (same.has_value()) {
      return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_USED",
                   "request {} is operation {} already", record.operation.request_id(),
                   same->operation.operation_id())
          .With("operation_id", same->operation.operation_id())
          .Remedy("send a new request id with a new call");
    }
  }
  return Error(absl::StatusCode::kAborted, "CONCURRENT_CHANGE",
               "another operation on cluster {} ended just now", cluster)
      .Remedy("repeat the call");
}

// Locks the operation's row; its state.
absl::StatusOr<pqxx::row> LockState(Transaction& tx, const std::string& operation_id) {
  RETURN_IF_ERROR(CheckOperationId(operation_id));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLockState, {operation_id}));
  if (rows.empty()) return OperationNotFound(operation_id);
  return rows[0];
}

// The same, of one that has ended without success and holds its cluster.
absl::StatusOr<pqxx::row> LockHolder(Transaction& tx, const std::string& operation_id,
                                     const std::string& what) {
  ASSIGN_OR_RETURN(pqxx::row row, LockState(tx, operation_id));
  const std::string state = Text(row["state"]);
  if (state != "FAILED" && state != "CANCELLED") {
    return Error(absl::StatusCode::kFailedPrecondition, "OPERATION_STATE",
                 "operation {} is {}; only a FAILED or CANCELLED one can be {}", operation_id,
                 state, what)
        .With("state", state)
        .With("operation_id", operation_id)
        .Remedy("see what it does now")
        .Next(v1::ACTION_GET_OPERATION, {{"operation_id", operation_id}});
  }
  if (!row["holds_cluster"].as<bool>()) {
    return Error(absl::StatusCode::kFailedPrecondition, "OPERATION_SUPERSEDED",
                 "operation {} no longer holds its cluster: {}", operation_id,
                 row["superseded_by"].is_null() ? "it was abandoned" : "a later one took it over")
        .Remedy("begin a new operation");
  }
  return row;
}

// After the operation's state and last_sequence were set.
absl::Status PublishState(Transaction& tx, const std::string& operation_id) {
  RETURN_IF_ERROR(Run(tx, kInsertStateEvent, {operation_id}).status());
  RETURN_IF_ERROR(NotifyState(tx, operation_id));
  return NotifyQueue(tx, operation_id);
}

}  // namespace

absl::Status NotifyState(Transaction& tx, const std::string& operation_id) {
  return Run(tx, kNotify, {kEventChannel, operation_id + kStateMark}).status();
}

absl::Status NotifyQueue(Transaction& tx, const std::string& operation_id) {
  return Run(tx, kNotify, {kQueueChannel, operation_id}).status();
}

absl::Status ResetSteps(Transaction& tx, const std::string& operation_id, const char* states) {
  return Run(tx, kResetSteps, {operation_id, states}).status();
}

absl::Status CheckFree(Transaction& tx, const std::string& cluster, bool supersede) {
  ASSIGN_OR_RETURN(const pqxx::result holders, Run(tx, kFindHolder, {cluster}));
  if (holders.empty() || (supersede && CanBeSuperseded(holders[0]))) return absl::OkStatus();
  return ClusterBusy(cluster, holders[0]);
}

absl::Status InsertOperation(Transaction& tx, const OperationRecord& record, bool supersede) {
  const v1::Operation& o = record.operation;
  if (!IsUuid(o.operation_id()) || !IsUuid(o.cluster_uuid())) {
    return Error(absl::StatusCode::kInternal, "PLAN_INVALID",
                 "operation id {} and cluster uuid {} must be UUIDs", o.operation_id(),
                 o.cluster_uuid())
        .Remedy("report this as a bug of dmgr");
  }
  if (supersede) {
    RETURN_IF_ERROR(Run(tx, kSupersede, {o.cluster_name(), o.operation_id()}).status());
  }
  ASSIGN_OR_RETURN(
      const pqxx::result inserted,
      Run(tx, kInsert,
          {o.operation_id(), ToText(o.kind()), o.cluster_name(), o.cluster_uuid(), o.user_name(),
           Param::OrNull(o.request_id()), record.request_fingerprint, record.plan_format,
           o.has_request() ? Param::Bytes(o.request().SerializeAsString()) : nullptr,
           SkippedJson(o)}));
  if (inserted.affected_rows() == 0) return InsertRefused(tx, record);
  RETURN_IF_ERROR(Run(tx, kInsertSteps, {o.operation_id(), StepsJson(record.steps)}).status());
  RETURN_IF_ERROR(PublishState(tx, o.operation_id()));
  return Run(tx, kInsertDoneEvents, {o.operation_id()}).status();
}

absl::Status RequestCancel(Transaction& tx, const std::string& operation_id) {
  ASSIGN_OR_RETURN(const pqxx::row row, LockState(tx, operation_id));
  const std::string state = Text(row["state"]);
  if (state == "ROLLING_BACK") {
    return Error(absl::StatusCode::kFailedPrecondition, "OPERATION_ROLLING_BACK",
                 "operation {} is being rolled back, which cannot be cancelled", operation_id)
        .With("operation_id", operation_id)
        .Remedy("wait for its end")
        .Next(v1::ACTION_WATCH_OPERATION, {{"operation_id", operation_id}});
  }
  if (state != "QUEUED" && state != "RUNNING") return absl::OkStatus();
  RETURN_IF_ERROR(Run(tx, kCancel, {operation_id}).status());
  return PublishState(tx, operation_id);
}

absl::Status RequestResume(Transaction& tx, const std::string& operation_id) {
  ASSIGN_OR_RETURN(const pqxx::row row, LockHolder(tx, operation_id, "resumed"));
  RETURN_IF_ERROR(Run(tx, kResume, {operation_id}).status());
  RETURN_IF_ERROR(PublishState(tx, operation_id));
  const bool forward = Text(row["phase"]) == "FORWARD";
  return ResetSteps(tx, operation_id, forward ? "{RUNNING,FAILED,SKIPPED,CANCELLED}" : "{FAILED}");
}

absl::Status RequestRollback(Transaction& tx, const std::string& operation_id) {
  ASSIGN_OR_RETURN(const pqxx::row row, LockHolder(tx, operation_id, "rolled back"));
  ASSIGN_OR_RETURN(const pqxx::result passed, Run(tx, kFindNoReturn, {operation_id}));
  if (!passed.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_RETURN",
                 "operation {} cannot be rolled back: it has begun to {}{}{}", operation_id,
                 Text(passed[0]["title"]), Text(passed[0]["host"]).empty() ? "" : " on ",
                 Text(passed[0]["host"]))
        .With("operation_id", operation_id)
        .Remedy("go on with it")
        .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", operation_id}});
  }
  RETURN_IF_ERROR(Run(tx, kRollback, {operation_id}).status());
  RETURN_IF_ERROR(PublishState(tx, operation_id));
  return ResetSteps(tx, operation_id, "{FAILED}");
}

absl::Status Abandon(Transaction& tx, const std::string& operation_id) {
  RETURN_IF_ERROR(LockHolder(tx, operation_id, "abandoned").status());
  RETURN_IF_ERROR(Run(tx, kAbandon, {operation_id}).status());
  return PublishState(tx, operation_id);
}

}  // namespace dmgr::store
