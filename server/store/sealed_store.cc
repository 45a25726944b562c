#include "server/store/sealed_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

using nlohmann::json;

// A column with one value a row.
struct Plain {
  const char* table;
  const char* column;
  // What its rows are told apart by: a column, or an expression.
  const char* owner;
};
const std::map<SealedColumn, Plain>& PlainColumns() {
  static const std::map<SealedColumn, Plain> columns = {
      {SealedColumn::kCredential, {"machine", "sealed_credential", "machine_id"}},
      {SealedColumn::kClusterKey, {"cluster_meta", "sealed_private_key", "cluster_uuid"}},
      {SealedColumn::kGrafanaPassword, {"cluster_meta", "sealed_grafana_password", "cluster_uuid"}},
      {SealedColumn::kOptions, {"cluster_meta", "sealed_options", "cluster_uuid"}},
      {SealedColumn::kTls, {"cluster_meta", "sealed_tls", "cluster_uuid"}},
      {SealedColumn::kPending, {"cluster_meta", "sealed_pending", "cluster_uuid"}},
      {SealedColumn::kFormerKey, {"former_key", "sealed_fingerprint_key", "last_audit_id"}},
      {SealedColumn::kMigrationConfig,
       {"migration_revision", "sealed_config",
        "concat_ws(' ', cluster_uuid, kind, name, revision)"}},
      {SealedColumn::kCopy,
       {"cluster_copy", "sealed_copy", "concat_ws(' ', cluster_uuid, copy_id)"}}};
  return columns;
}

const char* StepColumn(SealedColumn column) {
  return column == SealedColumn::kStepPayload ? "payload" : "result";
}

// Operations are walked, not steps: a part of them is read by their index.
constexpr char kReadSteps[] =
    "SELECT s.operation_id, s.step_id, o.cluster_uuid, s.{0}::text AS json FROM operation_step s"
    " JOIN operation o USING (operation_id)"
    " WHERE o.operation_id = ANY($1::uuid[]) AND s.{0}::text ~ $2"
    " ORDER BY s.operation_id, s.step_id FOR UPDATE OF s";
constexpr char kOperations[] =
    "SELECT operation_id FROM operation WHERE $1 = '' OR operation_id > nullif($1, '')::uuid"
    " ORDER BY operation_id LIMIT $2::integer";
constexpr char kWriteStep[] =
    "UPDATE operation_step SET {0} = $3::json WHERE operation_id = $1::uuid AND step_id = $2";
constexpr char kReadPlain[] =
    "SELECT ({2})::text AS owner, {1} AS sealed FROM {0}"
    " WHERE length({1}) > 0 AND (({2})::text COLLATE \"C\") > $1"
    " ORDER BY ({2})::text COLLATE \"C\" LIMIT $2::integer FOR UPDATE";
constexpr char kWritePlain[] = "UPDATE {0} SET {1} = $2::bytea WHERE ({2})::text = $1";

std::string Statement(fmt::string_view format, const Plain& plain) {
  return fmt::format(fmt::runtime(format), plain.table, plain.column, plain.owner);
}

// visit(text) for each sealed value of the JSON, which may change it.
void ForEachSealed(json& value, const std::function<void(std::string&)>& visit) {
  const auto& fields = SealedFields();
  if (!value.is_structured()) return;
  for (auto item = value.begin(); item != value.end(); ++item) {
    const bool is_sealed = value.is_object() && item->is_string() &&
                           std::find(fields.begin(), fields.end(), item.key()) != fields.end();
    if (is_sealed && !item->get_ref<std::string&>().empty()) visit(item->get_ref<std::string&>());
    ForEachSealed(*item, visit);
  }
}

SealedRow StepOf(SealedColumn column, const pqxx::row& found) {
  SealedRow row{.column = column,
                .owner = Text(found["operation_id"]) + " " + Text(found["step_id"]),
                .operation_id = Text(found["operation_id"]),
                .cluster_uuid = Text(found["cluster_uuid"]),
                .sealed = {},
                .json = Text(found["json"])};
  json parsed = json::parse(row.json, nullptr, /*allow_exceptions=*/false);
  ForEachSealed(parsed, [&](std::string& text) {
    std::string bytes;
    if (absl::Base64Unescape(text, &bytes) && !bytes.empty()) row.sealed.push_back(bytes);
  });
  return row;
}

absl::StatusOr<SealedPart> ReadSteps(Transaction& tx, SealedColumn column, const std::string& after,
                                     int most) {
  SealedPart part;
  ASSIGN_OR_RETURN(const pqxx::result operations, Run(tx, kOperations, {after, most}));
  if (operations.empty()) return part;
  std::string ids;
  for (const pqxx::row& row : operations) {
    part.next = Text(row["operation_id"]);
    ids += (ids.empty() ? "{" : ",") + part.next;
  }
  const std::string pattern = fmt::format("\"({})\"", fmt::join(SealedFields(), "|"));
  const std::string read = fmt::format(kReadSteps, StepColumn(column));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, read.c_str(), {ids + "}", pattern}));
  for (const pqxx::row& found : rows) {
    SealedRow row = StepOf(column, found);
    if (!row.sealed.empty()) part.rows.push_back(std::move(row));
  }
  return part;
}

absl::Status WriteStep(Transaction& tx, const SealedRow& row,
                       const std::vector<std::string>& sealed) {
  json parsed = json::parse(row.json, nullptr, /*allow_exceptions=*/false);
  auto next = sealed.begin();
  ForEachSealed(parsed, [&](std::string& text) {
    std::string bytes;
    if (!absl::Base64Unescape(text, &bytes) || bytes.empty()) return;
    text = absl::Base64Escape(*next++);
  });
  const std::string write = fmt::format(kWriteStep, StepColumn(row.column));
  const std::string step = row.owner.substr(row.operation_id.size() + 1);
  return Run(tx, write.c_str(), {row.operation_id, step, parsed.dump()}).status();
}

}  // namespace

std::string NameOf(SealedColumn column) {
  const auto plain = PlainColumns().find(column);
  if (plain == PlainColumns().end()) return std::string("operation_step.") + StepColumn(column);
  return std::string(plain->second.table) + "." + plain->second.column;
}

const std::vector<SealedColumn>& SealedColumns() {
  static const std::vector<SealedColumn> columns = {SealedColumn::kCredential,
                                                    SealedColumn::kClusterKey,
                                                    SealedColumn::kGrafanaPassword,
                                                    SealedColumn::kOptions,
                                                    SealedColumn::kTls,
                                                    SealedColumn::kPending,
                                                    SealedColumn::kFormerKey,
                                                    SealedColumn::kMigrationConfig,
                                                    SealedColumn::kCopy,
                                                    SealedColumn::kStepPayload,
                                                    SealedColumn::kStepResult};
  return columns;
}

const std::vector<std::string>& SealedFields() {
  static const std::vector<std::string> fields = {"restore", "sealed_private_key"};
  return fields;
}

absl::StatusOr<SealedPart> ReadSealed(Transaction& tx, SealedColumn column,
                                      const std::string& after, int most) {
  const auto plain = PlainColumns().find(column);
  if (plain == PlainColumns().end()) return ReadSteps(tx, column, after, most);
  const std::string read = Statement(kReadPlain, plain->second);
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, read.c_str(), {after, most}));
  SealedPart part;
  for (const pqxx::row& found : rows) {
    SealedRow row;
    row.column = column;
    row.owner = part.next = Text(found["owner"]);
    row.sealed.push_back(Bytes(found["sealed"]));
    part.rows.push_back(std::move(row));
  }
  return part;
}

absl::Status WriteSealed(Transaction& tx, const SealedRow& row,
                         const std::vector<std::string>& sealed) {
  const auto plain = PlainColumns().find(row.column);
  if (plain == PlainColumns().end()) return WriteStep(tx, row, sealed);
  const std::string write = Statement(kWritePlain, plain->second);
  return Run(tx, write.c_str(), {row.owner, Param::Bytes(sealed.front())}).status();
}

}  // namespace dmgr::store
