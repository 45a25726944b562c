#include "server/store/audit_store.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

#define DMGR_AUDIT_COLUMNS                                                                   \
  "audit_id, user_name, token_name, peer, method, target, code, operation_id, calls, begun," \
  " outcome_of, chain, " DMGR_MICROS("audit_time") " AS audit_us"

constexpr char kList[] =
    "SELECT " DMGR_AUDIT_COLUMNS
    " FROM audit_log a WHERE ($1::bigint = 0 OR audit_id < $1::bigint)"
    " AND ($3 = '' OR user_name = $3) AND ($4 = '' OR method = $4) AND ($5 = '' OR target = $5)"
    " AND ($6 = '' OR operation_id = $6)"
    " AND ($7::boolean IS NULL OR (code <> 0) = $7::boolean)"
    " AND ($8::bigint IS NULL OR audit_time >= " DMGR_TIME("$8") ")"
    " AND ($9::bigint IS NULL OR audit_time < " DMGR_TIME("$9") ")"
    " AND NOT (begun AND EXISTS (SELECT FROM audit_log o WHERE o.outcome_of = a.audit_id))"
    " ORDER BY audit_id DESC LIMIT $2::integer";
constexpr char kAfter[] = "SELECT " DMGR_AUDIT_COLUMNS
                          " FROM audit_log WHERE audit_id > $1::bigint ORDER BY audit_id"
                          " LIMIT $2::integer";
// In a statement of its own: the next one must see what the holder before has written.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(hashtext('dmgr audit log'))";
constexpr char kEnd[] =
    "SELECT nextval(pg_get_serial_sequence('audit_log', 'audit_id')) AS audit_id, " DMGR_MICROS(
        "clock_timestamp()") " AS audit_us,"
    " coalesce((SELECT chain FROM audit_log ORDER BY audit_id DESC LIMIT 1), '') AS chain";
constexpr char kInsert[] =
    "INSERT INTO audit_log (audit_id, audit_time, user_name, peer, method, target, code,"
    "  operation_id, calls, token_name, begun, outcome_of, chain)"
    " OVERRIDING SYSTEM VALUE VALUES ($1::bigint, " DMGR_TIME("$2") ", $3, $4, $5, $6, $7::integer,"
    "  $8, $9::bigint, $10, $11::boolean, $12::bigint, $13)";
// Of a column of audit_log, characters: see V022.
constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxTarget = 1024;
constexpr std::size_t kMaxId = 64;
constexpr int kPart = 10'000;
constexpr int kMostProblems = 100;

std::string Cut(const std::string& text, std::size_t most) {
  return Printable(std::string_view(text).substr(0, most));
}

AuditRecord CutToFit(const AuditRecord& record) {
  AuditRecord cut = record;
  for (std::string* text : {&cut.user_name, &cut.peer, &cut.method}) *text = Cut(*text, kMaxText);
  cut.target = Cut(record.target, kMaxTarget);
  for (std::string* text : {&cut.operation_id, &cut.token_name}) *text = Cut(*text, kMaxId);
  return cut;
}

// All of a row that is hashed, but for what is before it.
std::string TextOf(std::int64_t audit_id, std::int64_t time_us, const AuditRecord& record) {
  return nlohmann::json{audit_id,          time_us,      record.user_name,
                        record.token_name, record.peer,  record.method,
                        record.target,     record.code,  record.operation_id,
                        record.calls,      record.begun, record.outcome_of}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Linked(const Chain& chain, const std::string& before, const std::string& text) {
  return chain(before + text);
}

AuditRecord RecordOf(const pqxx::row& row) {
  return {.user_name = Text(row["user_name"]),
          .peer = Text(row["peer"]),
          .method = Text(row["method"]),
          .target = Text(row["target"]),
          .code = row["code"].as<int>(),
          .operation_id = Text(row["operation_id"]),
          .calls = row["calls"].as<std::int64_t>(),
          .token_name = Text(row["token_name"]),
          .begun = row["begun"].as<bool>(),
          .outcome_of = row["outcome_of"].as<std::int64_t>()};
}

v1::AuditRecord Shown(const pqxx::row& row) {
  const AuditRecord record = RecordOf(row);
  v1::AuditRecord shown;
  shown.set_audit_id(row["audit_id"].as<std::int64_t>());
  SetTime(row["audit_us"], &shown, &v1::AuditRecord::mutable_time);
  shown.set_user_name(record.user_name);
  shown.set_token_name(record.token_name);
  shown.set_peer(record.peer);
  shown.set_method(record.method);
  shown.set_target(record.target);
  shown.set_code(record.code);
  shown.set_operation_id(record.operation_id);
  shown.set_calls(record.calls);
  shown.set_without_outcome(record.begun);
  shown.set_chain(Text(row["chain"]));
  return shown;
}

}  // namespace

absl::StatusOr<std::int64_t> InsertAudit(Transaction& tx, const AuditRecord& record,
                                         const Chain& chain) {
  const AuditRecord cut = CutToFit(record);
  RETURN_IF_ERROR(Run(tx, kLock, {}).status());
  ASSIGN_OR_RETURN(const pqxx::result end, Run(tx, kEnd, {}));
  const auto audit_id = end[0]["audit_id"].as<std::int64_t>();
  const auto time_us = end[0]["audit_us"].as<std::int64_t>();
  const std::string link = Linked(chain, Text(end[0]["chain"]), TextOf(audit_id, time_us, cut));
  RETURN_IF_ERROR(
      Run(tx, kInsert,
          {audit_id, time_us, cut.user_name, cut.peer, cut.method, cut.target, cut.code,
           cut.operation_id, cut.calls, cut.token_name, cut.begun, cut.outcome_of, link})
          .status());
  return audit_id;
}

absl::StatusOr<std::vector<v1::AuditRecord>> ListAudit(Transaction& tx,
                                                       const v1::ListAuditRecordsRequest& filter,
                                                       std::int64_t before, int limit) {
  Param refused = nullptr;
  if (filter.outcome() != v1::ListAuditRecordsRequest::OUTCOME_UNSPECIFIED) {
    refused = filter.outcome() == v1::ListAuditRecordsRequest::OUTCOME_REFUSED;
  }
  const auto& time = filter.time();
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kList,
          {before, limit, filter.user_name(), filter.method(), filter.target(),
           filter.operation_id(), refused, MicrosOrNull(time.has_start_time(), time.start_time()),
           MicrosOrNull(time.has_end_time(), time.end_time())}));
  std::vector<v1::AuditRecord> records;
  for (const pqxx::row& row : rows) records.push_back(Shown(row));
  return records;
}

AuditVerifier::AuditVerifier(Chain chain, std::vector<FormerChain> former,
                             const v1::VerifyAuditLogRequest& request,
                             v1::VerifyAuditLogResponse* response)
    : chain_(std::move(chain)),
      former_(std::move(former)),
      noted_(request.noted()),
      response_(*response) {}

absl::StatusOr<bool> AuditVerifier::Next(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kAfter, {response_.last().audit_id(), kPart}));
  for (const pqxx::row& row : rows) {
    Check(Shown(row), TextOf(row["audit_id"].as<std::int64_t>(), row["audit_us"].as<std::int64_t>(),
                             RecordOf(row)));
  }
  if (!rows.empty()) return true;
  if (noted_.audit_id() != 0 && !noted_seen_) {
    Report(noted_.audit_id(), "was noted, and is not there");
  }
  return false;
}

const Chain& AuditVerifier::ChainFor(std::int64_t audit_id) const {
  for (const FormerChain& former : former_) {
    if (audit_id <= former.last_audit_id) return former.chain;
  }
  return chain_;
}

// The first row that is there need not be the first that was written: older ones may be removed by
// who owns the database. So its link to what was before it cannot be looked at.
void AuditVerifier::Check(const v1::AuditRecord& record, const std::string& text_without_link) {
  const bool is_first = response_.records() == 0;
  const bool is_after_end = !is_first && !last_.empty();
  const Chain& chain = ChainFor(record.audit_id());
  if (record.chain().empty()) {
    // What was written before there was a chain.
    if (is_after_end) Report(record.audit_id(), "was not written by dmgrd");
  } else if (chain == nullptr) {
    response_.set_unverified_records(response_.unverified_records() + 1);
  } else if (!is_first && Linked(chain, last_, text_without_link) != record.chain()) {
    Report(record.audit_id(),
           "is not as it was written, or what was before it is missing or was put in");
  }
  if (record.audit_id() == noted_.audit_id()) {
    noted_seen_ = true;
    if (record.chain() != noted_.chain()) Report(record.audit_id(), "is not what was noted");
  }
  if (is_first) response_.set_first_audit_id(record.audit_id());
  last_ = record.chain();
  response_.set_records(response_.records() + 1);
  response_.mutable_last()->set_audit_id(record.audit_id());
  response_.mutable_last()->set_chain(record.chain());
}

void AuditVerifier::Report(std::int64_t audit_id, const std::string& text) {
  response_.set_problem_count(response_.problem_count() + 1);
  if (response_.problems_size() >= kMostProblems) return;
  v1::AuditProblem& problem = *response_.add_problems();
  problem.set_audit_id(audit_id);
  problem.set_text(fmt::format("record {} {}", audit_id, text));
}

}  // namespace dmgr::store
