// What executors write: always under their claim.
#include <limits>
#include <nlohmann/json.hpp>

#include "common/secrets_in_text.h"
#include "server/store/enums.h"
#include "server/store/operation_rows.h"

namespace dmgr::store {
namespace {

// $1 operation, $2 epoch.
#define DMGR_CLAIMED \
  " WHERE operation_id = $1::uuid AND epoch = $2::bigint AND lease_until > clock_timestamp() "
// Takes the next sequence, and with the row's lock the right to write until the commit.
#define DMGR_TAKE_SEQUENCE \
  "WITH op AS (UPDATE operation SET last_sequence = last_sequence + 1" DMGR_CLAIMED
#define DMGR_NEXT_SEQUENCE DMGR_TAKE_SEQUENCE "RETURNING last_sequence), "
// The claim no longer holds: no row. found: rows of the step that were changed.
#define DMGR_RESULT_OF(payload) \
  " SELECT (SELECT count(*) FROM step) AS found, pg_notify($3, " payload ") FROM op"
#define DMGR_RESULT DMGR_RESULT_OF("$1::uuid::text")

// $1 plan format, $2 kinds, $3 runners.
#define DMGR_ABLE                                                                       \
  "(plan_format = $1::integer AND (state = 'CANCELLING' OR kind = ANY ($2::text[])"     \
  " AND NOT EXISTS (SELECT FROM operation_step s WHERE s.operation_id = o.operation_id" \
  "  AND s.runner <> ALL (ARRAY(SELECT json_array_elements_text($3::json)))))) "
constexpr char kBeyond[] = "SELECT operation_id FROM operation o WHERE " DMGR_UNCLAIMED
                           "AND NOT " DMGR_ABLE "ORDER BY create_time";
constexpr char kClaim[] =
    "WITH candidate AS ("
    "  SELECT operation_id, state FROM operation o"
    "  WHERE " DMGR_UNCLAIMED "AND " DMGR_ABLE
    "  AND operation_id::text <> ALL (ARRAY(SELECT json_array_elements_text($6::json)))"
    "  ORDER BY create_time LIMIT 1 FOR NO KEY UPDATE OF o SKIP LOCKED),"
    " claimed AS ("
    "  UPDATE operation o SET epoch = nextval('operation_epoch'), lease_owner = $4,"
    "   lease_until = clock_timestamp() + $5::bigint * interval '1 microsecond',"
    "   state = CASE WHEN o.state = 'QUEUED' THEN 'RUNNING' ELSE o.state END,"
    "   start_time = coalesce(o.start_time, clock_timestamp()),"
    "   last_sequence = o.last_sequence + (o.state = 'QUEUED')::integer"
    "  FROM candidate c WHERE o.operation_id = c.operation_id"
    "  RETURNING o.operation_id, o.last_sequence, c.state AS old_state),"
    " event AS ("
    "  INSERT INTO operation_event (operation_id, sequence, kind, state)"
    "  SELECT operation_id, last_sequence, 'OPERATION_STATE', 'RUNNING' FROM claimed"
    "  WHERE old_state = 'QUEUED')"
    " SELECT operation_id FROM claimed";
constexpr char kRenew[] =
    "UPDATE operation SET lease_until = clock_timestamp() + $3::bigint * interval '1 "
    "microsecond'" DMGR_CLAIMED;
constexpr char kRelease[] =
    "UPDATE operation SET lease_owner = NULL, lease_until = NULL, lost_claims = 0" DMGR_CLAIMED;
constexpr char kOwners[] =
    "SELECT DISTINCT lease_owner FROM operation WHERE " DMGR_ACTIVE "AND lease_owner IS NOT NULL";
// Nobody else's claim: no two owners have the same name.
constexpr char kReleaseOwner[] =
    "UPDATE operation SET lease_owner = NULL, lease_until = NULL, lost_claims = lost_claims + 1"
    " WHERE " DMGR_ACTIVE "AND lease_owner = $1 RETURNING operation_id";
constexpr char kLockClaim[] = "SELECT state FROM operation" DMGR_CLAIMED "FOR NO KEY UPDATE";
constexpr char kReadState[] = "SELECT state FROM operation" DMGR_CLAIMED;
constexpr char kSetState[] =
    "WITH op AS (UPDATE operation SET last_sequence = last_sequence + 1, state = $4::text, error = "
    "CASE WHEN $4 = 'ROLLED_BACK' THEN error ELSE $5::bytea END,"
    "  holds_cluster = $4 NOT IN ('SUCCEEDED', 'ROLLED_BACK'),"
    "  lease_owner = NULL, lease_until = NULL, end_time = clock_timestamp()" DMGR_CLAIMED
    " RETURNING last_sequence),"
    " step AS (INSERT INTO operation_event (operation_id, sequence, kind, state, error)"
    "  SELECT $1::uuid, last_sequence, 'OPERATION_STATE', $4, $5::bytea FROM op RETURNING "
    "1)" DMGR_RESULT_OF("$1::uuid::text || $6");
// A step that begins again at 0 does not take the operation's progress back.
#define DMGR_NOT_LESS(done, total)                                 \
  done "::bigint::double precision * greatest(bytes_total, 1) >= " \
       "bytes_done::double precision * greatest(" total "::bigint, 1)"
// $4 step, $5 state, $6 error, $7 result, $8 and $9 bytes, $10 the step that begins with it.
constexpr char kSetStep[] =
    "WITH op AS (UPDATE operation SET"
    "  lost_claims = CASE WHEN $5::text = 'RUNNING' THEN lost_claims ELSE 0 END, last_sequence = last_sequence + 1"
    " + ($8::bigint IS NOT NULL)::integer"
    " + ($10::text IS NOT NULL AND state <> 'CANCELLING')::integer" DMGR_CLAIMED
    "AND ($5::text <> 'RUNNING' OR state <> 'CANCELLING')"
    " RETURNING last_sequence, ($10::text IS NOT NULL AND state <> 'CANCELLING') AS begins), "
    "step AS (UPDATE operation_step SET state = $5::text, error = $6::bytea,"
    "  attempts = attempts + ($5::text = 'RUNNING')::integer,"
    "  result = CASE WHEN $5::text = 'SUCCEEDED' THEN $7::json ELSE result END,"
    "  start_time = CASE WHEN $5::text = 'RUNNING' THEN clock_timestamp() ELSE start_time END,"
    "  end_time = CASE WHEN $5::text NOT IN ('PENDING', 'RUNNING') THEN clock_timestamp() END,"
    "  bytes_done = CASE WHEN " DMGR_NOT_LESS("$8", "$9")
    " THEN $8::bigint ELSE bytes_done END,"
    "  bytes_total = CASE WHEN " DMGR_NOT_LESS("$8", "$9")
    " THEN $9::bigint ELSE bytes_total END"
    "  FROM op WHERE operation_id = $1::uuid AND step_id = $4::text"
    "  RETURNING attempts, bytes_done, bytes_total),"
    " next AS (UPDATE operation_step SET state = 'RUNNING', error = NULL, attempts = attempts + 1,"
    "  start_time = clock_timestamp(), end_time = NULL"
    "  FROM op WHERE begins AND operation_id = $1::uuid AND step_id = $10::text"
    "  RETURNING attempts),"
    " event AS (INSERT INTO operation_event"
    "  (operation_id, sequence, kind, step_id, state, attempt, error, bytes_done, bytes_total)"
    "  SELECT $1::uuid, last_sequence - begins::integer - 1, 'STEP_PROGRESS', $4::text,"
    "   NULL::text, NULL::integer, NULL::bytea, bytes_done, bytes_total"
    "   FROM op, step WHERE $8::bigint IS NOT NULL"
    "  UNION ALL SELECT $1::uuid, last_sequence - begins::integer, 'STEP_STATE', $4::text,"
    "   $5::text, attempts, $6::bytea, NULL, NULL FROM op, step"
    "  UNION ALL SELECT $1::uuid, last_sequence, 'STEP_STATE', $10::text,"
    "   'RUNNING', attempts, NULL, NULL, NULL FROM op, next)"
    " SELECT (SELECT count(*) FROM step) AS found, begins, (SELECT count(*) FROM next) AS begun,"
    " pg_notify($3, $1::uuid::text) FROM op";
constexpr char kAddProgress[] = DMGR_NEXT_SEQUENCE
    "step AS (UPDATE operation_step SET"
    "  bytes_done = CASE WHEN " DMGR_NOT_LESS("$5", "$6")
    " THEN $5::bigint ELSE bytes_done END,"
    "  bytes_total = CASE WHEN " DMGR_NOT_LESS("$5", "$6")
    " THEN $6::bigint ELSE bytes_total END"
    "  FROM op WHERE operation_id = $1::uuid AND step_id = $4 RETURNING bytes_done, bytes_total),"
    " event AS (INSERT INTO operation_event"
    "  (operation_id, sequence, kind, step_id, bytes_done, bytes_total)"
    "  SELECT $1::uuid, last_sequence, 'STEP_PROGRESS', $4, bytes_done, bytes_total FROM op, "
    "step)" DMGR_RESULT;
constexpr char kAddLog[] = DMGR_NEXT_SEQUENCE
    "step AS (INSERT INTO operation_event (operation_id, sequence, kind, step_id, level, message)"
    "  SELECT $1::uuid, last_sequence, 'LOG', nullif($4, ''), $5, $6 FROM op RETURNING "
    "1)" DMGR_RESULT;

absl::Status LeaseLost(const Claim& claim) {
  return Error(absl::StatusCode::kAborted, "LEASE_LOST",
               "operation {}: the claim with epoch {} no longer holds", claim.operation_id,
               claim.epoch)
      .With("operation_id", claim.operation_id)
      .Remedy("nothing to do: another dmgrd goes on with the operation");
}

absl::Status StepNotFound(const Claim& claim, const std::string& step_id) {
  return Error(absl::StatusCode::kNotFound, "STEP_NOT_FOUND", "operation {} has no step {}",
               claim.operation_id, step_id)
      .Remedy("report this as a bug of dmgr");
}

// Of a statement that tells how many rows of the step it found.
absl::Status CheckWritten(const absl::StatusOr<pqxx::result>& rows, const Claim& claim,
                          const std::string& step_id) {
  RETURN_IF_ERROR(rows.status());
  if (rows->empty()) return LeaseLost(claim);
  return (*rows)[0]["found"].as<int>() == 1 ? absl::OkStatus() : StepNotFound(claim, step_id);
}

// Of a statement that must change the claimed row.
absl::Status CheckClaimed(const absl::StatusOr<pqxx::result>& rows, const Claim& claim) {
  RETURN_IF_ERROR(rows.status());
  return rows->affected_rows() == 0 ? LeaseLost(claim) : absl::OkStatus();
}

bool MayFollow(v1::OperationState from, v1::OperationState to) {
  switch (to) {
    case v1::OPERATION_STATE_SUCCEEDED:
      return from == v1::OPERATION_STATE_RUNNING || from == v1::OPERATION_STATE_CANCELLING;
    case v1::OPERATION_STATE_CANCELLED:
      return from == v1::OPERATION_STATE_CANCELLING;
    case v1::OPERATION_STATE_ROLLED_BACK:
      return from == v1::OPERATION_STATE_ROLLING_BACK;
    case v1::OPERATION_STATE_FAILED:
      return true;  // Whoever holds a claim has an active operation.
    default:
      return false;
  }
}

// An array of PostgreSQL.
std::string KnownKinds() {
  std::vector<std::string> kinds;
  const auto* values = v1::OperationKind_descriptor();
  for (int i = 0; i < values->value_count(); ++i) {
    const auto kind = static_cast<v1::OperationKind>(values->value(i)->number());
    if (kind != v1::OPERATION_KIND_UNSPECIFIED) kinds.push_back(ToText(kind));
  }
  return fmt::format("{{{}}}", fmt::join(kinds, ","));
}

std::string RunnersJson(const Abilities& abilities) {
  return nlohmann::json(abilities.runners).dump();
}

std::int64_t Bounded(std::uint64_t value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMax));
}

}  // namespace

absl::StatusOr<std::optional<OperationRecord>> ClaimOperation(Transaction& tx,
                                                              const std::string& owner,
                                                              const Abilities& abilities,
                                                              absl::Duration lease,
                                                              std::string* found) {
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kClaim,
          {abilities.plan_format, KnownKinds(), RunnersJson(abilities), owner,
           absl::ToInt64Microseconds(lease), nlohmann::json(abilities.except).dump()}));
  if (rows.empty()) return std::optional<OperationRecord>();
  const std::string id = Text(rows[0]["operation_id"]);
  if (found != nullptr) *found = id;
  RETURN_IF_ERROR(ResetSteps(tx, id, "{RUNNING}"));
  RETURN_IF_ERROR(NotifyState(tx, id));
  ASSIGN_OR_RETURN(OperationRecord record, GetOperation(tx, id));
  return std::optional<OperationRecord>(std::move(record));
}

absl::StatusOr<std::vector<std::string>> ListBeyond(Transaction& tx, const Abilities& abilities) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kBeyond, {abilities.plan_format, KnownKinds(), RunnersJson(abilities)}));
  std::vector<std::string> ids;
  for (const auto& row : rows) ids.push_back(Text(row["operation_id"]));
  return ids;
}

absl::Status RenewLease(Transaction& tx, const Claim& claim, absl::Duration lease) {
  return CheckClaimed(
      Run(tx, kRenew, {claim.operation_id, claim.epoch, absl::ToInt64Microseconds(lease)}), claim);
}

absl::Status ReleaseClaim(Transaction& tx, const Claim& claim) {
  RETURN_IF_ERROR(CheckClaimed(Run(tx, kRelease, {claim.operation_id, claim.epoch}), claim));
  return NotifyQueue(tx, claim.operation_id);
}

absl::Status ReleaseClaimsOf(
    Transaction& tx, const std::function<absl::StatusOr<bool>(const std::string& owner)>& is_gone) {
  ASSIGN_OR_RETURN(const pqxx::result owners, Run(tx, kOwners, {}));
  for (const auto& row : owners) {
    const std::string owner = Text(row["lease_owner"]);
    ASSIGN_OR_RETURN(const bool gone, is_gone(owner));
    if (!gone) continue;
    ASSIGN_OR_RETURN(const pqxx::result released, Run(tx, kReleaseOwner, {owner}));
    for (const auto& operation : released) {
      RETURN_IF_ERROR(NotifyQueue(tx, Text(operation["operation_id"])));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckClaim(Transaction& tx, const Claim& claim) {
  return CheckClaimed(Run(tx, kLockClaim, {claim.operation_id, claim.epoch}), claim);
}

absl::StatusOr<v1::OperationState> GetOperationState(Transaction& tx, const Claim& claim) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kReadState, {claim.operation_id, claim.epoch}));
  if (rows.empty()) return LeaseLost(claim);
  return FromText<v1::OperationState>(Text(rows[0]["state"]));
}

absl::Status SetOperationState(Transaction& tx, const Claim& claim, v1::OperationState state,
                               const absl::Status& error) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLockClaim, {claim.operation_id, claim.epoch}));
  if (rows.empty()) return LeaseLost(claim);
  const auto from = FromText<v1::OperationState>(Text(rows[0]["state"]));
  if (from == state) return absl::OkStatus();
  if (!MayFollow(from, state)) {
    return Error(absl::StatusCode::kFailedPrecondition, "OPERATION_STATE",
                 "operation {} is {} and cannot become {}", claim.operation_id, ToText(from),
                 ToText(state))
        .With("state", ToText(from))
        .Remedy("look at its state again: it was changed meanwhile, by a cancel for instance");
  }
  return CheckWritten(Run(tx, kSetState,
                          {claim.operation_id, claim.epoch, kEventChannel, ToText(state),
                           Param::ErrorBytes(error), std::string(1, kStateMark)}),
                      claim, "");
}

absl::StatusOr<bool> SetStepState(Transaction& tx, const Claim& claim, const StepChange& change) {
  const bool succeeded = change.state == v1::STEP_STATE_SUCCEEDED;
  Param done = nullptr;
  Param total = nullptr;
  if (change.bytes.has_value()) {
    done = Bounded(change.bytes->done);
    total = Bounded(change.bytes->total);
  }
  const auto rows =
      Run(tx, kSetStep,
          {claim.operation_id, claim.epoch, kEventChannel, change.step_id, ToText(change.state),
           Param::ErrorBytes(change.error), succeeded ? change.result_json : "{}", done, total,
           Param::OrNull(change.next)});
  if (change.state == v1::STEP_STATE_RUNNING && rows.ok() && rows->empty()) {
    RETURN_IF_ERROR(GetOperationState(tx, claim).status());
    return absl::CancelledError("cancelled");
  }
  RETURN_IF_ERROR(CheckWritten(rows, claim, change.step_id));
  const bool begins = (*rows)[0]["begins"].as<bool>();
  if (begins && (*rows)[0]["begun"].as<int>() != 1) return StepNotFound(claim, change.next);
  return begins;
}

absl::Status AddProgress(Transaction& tx, const Claim& claim, const std::string& step_id,
                         std::uint64_t bytes_done, std::uint64_t bytes_total) {
  return CheckWritten(Run(tx, kAddProgress,
                          {claim.operation_id, claim.epoch, kEventChannel, step_id,
                           Bounded(bytes_done), Bounded(bytes_total)}),
                      claim, step_id);
}

absl::Status AddLog(Transaction& tx, const Claim& claim, const std::string& step_id,
                    v1::LogLine::Level level, const std::string& text) {
  return CheckWritten(Run(tx, kAddLog,
                          {claim.operation_id, claim.epoch, kEventChannel, step_id, ToText(level),
                           Printable(WithoutSecrets(text))}),
                      claim, step_id);
}

}  // namespace dmgr::store
