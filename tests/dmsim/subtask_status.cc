// What a query of the status shows.
#include <algorithm>
#include <cstdio>

#include "subtask.h"

namespace dmsim {
namespace {

constexpr std::int64_t kTables = 4;
constexpr std::int64_t kRows = 10'000;
constexpr std::int64_t kBytes = 1 << 20;
constexpr std::int64_t kRowsPerSecond = 100;
constexpr std::int64_t kBinlogEpochMs = 1'700'000'000'000;

// A source writes 100 rows a second, of 100 bytes each, since a while ago.
std::int64_t RowsUntil(std::int64_t ms) { return (ms - kBinlogEpochMs) * kRowsPerSecond / 1000; }

std::string PositionAt(std::int64_t ms) {
  const std::int64_t bytes = RowsUntil(ms) * 100;
  char text[64];
  std::snprintf(text, sizeof(text), "(bin.%06lld, %lld)", static_cast<long long>(bytes >> 30) + 1,
                static_cast<long long>(bytes & ((1LL << 30) - 1)) + 4);
  return text;
}

std::string GtidAt(std::int64_t ms) { return "0-1-" + std::to_string(RowsUntil(ms)); }

std::string PercentOf(double part) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", part * 100);
  return text;
}

Json DumpOf(const Place& place) {
  return {{"total_tables", kTables},
          {"completed_tables", static_cast<double>(static_cast<int>(place.part * kTables))},
          {"finished_bytes", place.part * kBytes},
          {"finished_rows", static_cast<double>(static_cast<int>(place.part * kRows))},
          {"estimate_total_rows", static_cast<double>(kRows)},
          {"bps", 1 << 20},
          {"progress", PercentOf(place.part)}};
}

Json LoadOf(const Place& place, std::int64_t now) {
  return {{"finished_bytes", static_cast<std::int64_t>(place.part * kBytes)},
          {"total_bytes", kBytes},
          {"progress", PercentOf(place.part)},
          {"meta_binlog", PositionAt(now)},
          {"meta_binlog_gtid", GtidAt(now)},
          {"bps", 1 << 20}};
}

Json SyncOf(const Json& document, const std::string& task, const std::string& source,
            const Place& place, std::int64_t now) {
  const std::int64_t read = now - place.behind_ms;
  const std::int64_t rows = place.sync_ms * kRowsPerSecond / 1000;
  const bool runs = place.stage == Stage::kRunning;
  Json status = {{"total_events", rows},
                 {"total_tps", kRowsPerSecond},
                 {"recent_tps", runs ? kRowsPerSecond : 0},
                 {"master_binlog", PositionAt(now)},
                 {"master_binlog_gtid", GtidAt(now)},
                 {"syncer_binlog", PositionAt(read)},
                 {"syncer_binlog_gtid", GtidAt(read)},
                 {"synced", place.behind_ms < 10},
                 {"binlog_type", document["relay"].contains(source) ? "local" : "remote"},
                 {"seconds_behind_master", place.behind_ms / 1000},
                 {"total_rows", rows},
                 {"total_rps", kRowsPerSecond},
                 {"recent_rps", runs ? kRowsPerSecond : 0}};
  for (const Json& lock : document["locks"]) {
    if (lock["task"] != task) continue;
    const Json& waiting = lock["synced"];
    const std::string prefix = source + "-";
    const auto is_here = [&](const Json& item) {
      return item.get_ref<const std::string&>().starts_with(prefix);
    };
    if (std::none_of(waiting.begin(), waiting.end(), is_here)) continue;
    status["blocking_ddls"] = lock["ddls"];
    status["unresolved_groups"].push_back({{"target", lock["target"]},
                                           {"ddls", lock["ddls"]},
                                           {"first_location", PositionAt(read)},
                                           {"synced", lock["synced"]},
                                           {"unsynced", lock["unsynced"]}});
  }
  return status;
}

Json ErrorOf(const Json& error) {
  return {{"err_code", error["code"]},        {"err_class", error["class"]},
          {"err_scope", error["scope"]},      {"err_level", error["level"]},
          {"message", error["message"]},      {"raw_cause", error["cause"]},
          {"workaround", error["workaround"]}};
}

}  // namespace

Json SubtaskStatus(const Json& document, const std::string& task_name, const std::string& source,
                   std::int64_t now) {
  const Json& task = document["tasks"][task_name];
  const Json& subtask = task["subtasks"][source];
  const Place place = PlaceOf(document, task, subtask, now);
  Json status = {{"name", task_name},
                 {"stage", static_cast<int>(place.stage)},
                 {"unit", static_cast<int>(place.unit)}};
  if (place.unit == Unit::kDump) status["dump"] = DumpOf(place);
  if (place.unit == Unit::kLoad) status["load"] = LoadOf(place, now);
  if (place.unit == Unit::kSync) {
    status["sync"] = SyncOf(document, task_name, source, place, now);
    if (status["sync"].contains("unresolved_groups")) {
      for (const Json& lock : document["locks"]) {
        if (lock["task"] == task_name) status["unresolved_ddl_lock_id"] = lock["id"];
      }
    }
  }
  if (place.stage != Stage::kRunning) {
    status["result"] = {{"is_canceled", place.stage == Stage::kPaused && !place.failed}};
    if (place.failed) status["result"]["errors"] = Json::array({ErrorOf(subtask["error"])});
  }
  if (!subtask["validation"].is_null()) {
    status["validation"] = ValidationStatus(document, task_name, source, now);
  }
  return status;
}

Json SourceStatus(const Json& document, const std::string& source, std::int64_t now) {
  Json status = {{"source", source}, {"worker", document["bounds"].value(source, "")}};
  const auto relay = document["relay"].find(source);
  if (relay == document["relay"].end()) return status;
  status["relay_status"] = {{"master_binlog", PositionAt(now)},
                            {"master_binlog_gtid", GtidAt(now)},
                            {"relay_sub_dir", "00000000-0000-0000-0000-000000000001.000001"},
                            {"relay_binlog", PositionAt(now)},
                            {"relay_binlog_gtid", GtidAt(now)},
                            {"relay_catch_up_master", true},
                            {"stage", static_cast<int>(Stage::kRunning)}};
  return status;
}

Json ValidationStatus(const Json& document, const std::string& task_name, const std::string& source,
                      std::int64_t now) {
  const Json& task = document["tasks"][task_name];
  const Json& subtask = task["subtasks"][source];
  const Json& validation = subtask["validation"];
  const Place place = PlaceOf(document, task, subtask, now);
  std::int64_t fresh = 0;
  std::int64_t ignored = 0;
  std::int64_t resolved = 0;
  for (const Json& error : validation["errors"]) {
    (error["status"] == 1 ? fresh : error["status"] == 2 ? ignored : resolved) += 1;
  }
  const std::int64_t read = now - place.behind_ms;
  const std::int64_t rows = place.sync_ms * kRowsPerSecond / 1000;
  const std::string counts = "/" + std::to_string(ignored) + "/" + std::to_string(resolved);
  return {{"task", task_name},
          {"source", source},
          {"mode", validation["mode"]},
          {"stage", validation["stage"]},
          {"validator_binlog", PositionAt(read)},
          {"validator_binlog_gtid", GtidAt(read)},
          {"processed_rows_status", "insert/update/delete: " + std::to_string(rows) + "/0/0"},
          {"pending_rows_status", "insert/update/delete: 0/0/0"},
          {"error_rows_status", "new/ignored/resolved: " + std::to_string(fresh) + counts}};
}

}  // namespace dmsim
