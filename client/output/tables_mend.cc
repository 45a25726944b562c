// Tables of what gets a stuck task going.
#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "client/output/tables.h"
#include "dmgr/v1/next_action.pb.h"
#include "dmgr/v1/shard_lock_service.pb.h"
#include "dmgr/v1/table_structure_service.pb.h"
#include "dmgr/v1/task_error_service.pb.h"
#include "dmgr/v1/validation_service.pb.h"

namespace dmgr::client {
namespace {

using MendRows = std::vector<std::vector<std::string>>;

std::string MendStage(v1::TaskStage stage) {
  return Word(v1::TaskStage_Name(stage), "TASK_STAGE_");
}

template <typename Actions>
std::string NextLines(const std::string& advice, const Actions& actions) {
  return NextText(advice, {actions.begin(), actions.end()});
}

template <typename Texts>
std::string Joined(const Texts& texts) {
  return OrDash(fmt::format("{}", fmt::join(texts, ", ")));
}

}  // namespace

std::string ToTable(const v1::ListTaskErrorsResponse& response) {
  std::string text;
  for (const auto& source : response.sources()) {
    text += fmt::format("source {} on {}  {}  {}", source.source_id(), OrDash(source.worker_name()),
                        MendStage(source.stage()),
                        Word(v1::TaskUnit_Name(source.unit()), "TASK_UNIT_"));
    if (!source.binlog_position().empty()) text += "  at " + source.binlog_position();
    text += "\n";
    for (const auto& error : source.errors()) {
      text += fmt::format("  error {} ({}): {}\n", error.code(), OrDash(error.error_class()),
                          error.message());
      if (!error.raw_cause().empty()) text += "  cause: " + error.raw_cause() + "\n";
      if (!error.workaround().empty()) text += "  what helps: " + error.workaround() + "\n";
    }
    text += NextLines(source.advice(), source.next_actions());
  }
  const std::map<std::string, std::string> silent(response.silent_sources().begin(),
                                                  response.silent_sources().end());
  for (const auto& [source, reason] : silent) {
    text += fmt::format("source {} could not be asked: {}\n", source, reason);
  }
  return text.empty() ? "no errors\n" : text;
}

std::string ToTable(const v1::ListShardLocksResponse& response) {
  MendRows rows = {{"LOCK", "TASK", "MODE", "OWNER", "SYNCED", "WAITS FOR", "STATEMENTS"}};
  for (const auto& lock : response.locks()) {
    rows.push_back({lock.lock_id(), lock.task_name(), lock.mode(), OrDash(lock.owner_source_id()),
                    Joined(lock.synced_shards()), Joined(lock.unsynced_shards()),
                    Joined(lock.statements())});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetTableStructureResponse& response) {
  std::string text;
  for (const auto& one : response.structures()) {
    text += fmt::format("-- source {}\n{};\n", one.source_id(), one.statement());
  }
  return text;
}

std::string ToTable(const v1::ListTaskTablesResponse& response) {
  MendRows rows = {{"SOURCE", "DATABASE", "TABLE", "TARGET DATABASE", "TARGET TABLE"}};
  for (const auto& table : response.tables()) {
    rows.push_back({table.source_id(), table.database_name(), OrDash(table.table_name()),
                    OrDash(table.target_database_name()), OrDash(table.target_table_name())});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetValidationResponse& response) {
  MendRows rows = {
      {"SOURCE", "MODE", "STAGE", "BINLOG", "PROCESSED", "PENDING", "ERRORS", "CUTOVER"}};
  std::string errors;
  for (const auto& one : response.validators()) {
    rows.push_back({one.source_id(), Word(v1::ValidationMode_Name(one.mode()), "VALIDATION_MODE_"),
                    MendStage(one.stage()), OrDash(one.binlog_position()),
                    OrDash(one.processed_rows()), OrDash(one.pending_rows()),
                    OrDash(one.error_rows()), OrDash(one.cutover_binlog_position())});
    for (const auto& error : one.errors()) {
      errors += fmt::format("{}: error {}: {}\n", one.source_id(), error.code(), error.message());
    }
  }
  MendRows tables = {{"SOURCE", "TABLE", "TARGET TABLE", "STAGE", "WHY"}};
  for (const auto& table : response.tables()) {
    tables.push_back({table.source_id(), table.source_table(), OrDash(table.target_table()),
                      MendStage(table.stage()), OrDash(table.message())});
  }
  return Table(rows) + errors + (tables.size() > 1 ? "\n" + Table(tables) : "");
}

std::string ToTable(const v1::ListValidationErrorsResponse& response) {
  MendRows rows = {
      {"ID", "STATE", "SOURCE", "TABLE", "ROW", "TARGET TABLE", "TARGET ROW", "WHAT", "TIME"}};
  for (const auto& error : response.errors()) {
    rows.push_back({error.error_id(),
                    Word(v1::ValidationErrorState_Name(error.state()), "VALIDATION_ERROR_STATE_"),
                    error.source_id(), error.source_table(), OrDash(error.source_data()),
                    error.target_table(), OrDash(error.target_data()), error.error_type(),
                    OrDash(error.time_text())});
  }
  return Table(rows) + (response.truncated() ? "and more\n" : "");
}

}  // namespace dmgr::client
