// CheckTask, StartTask, OperateTask and QueryStatus.
#include <algorithm>

#include "calls.h"
#include "configs.h"
#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr char kPassed[] = "pre-check is passed. ";
constexpr char kCheckFailed[] = "fail to check synchronization configuration with type: ";

enum TaskOp { kStop = 1, kPause = 2, kResume = 3, kDelete = 7 };

Ordered Row(std::size_t id, const std::string& name, const std::string& what,
            const std::string& state, const std::string& problem, const std::string& instruction,
            const std::string& extra) {
  Ordered row = {{"id", id}, {"name", name}, {"desc", what}, {"state", state}};
  if (!problem.empty()) {
    row["errors"] = Ordered::array({{{"severity", state}, {"short_error", problem}}});
    row["instruction"] = instruction;
  }
  row["extra"] = extra;
  return row;
}

// What the precheck finds: a warning for each source that is a MariaDB (a knob says that it is
// none), and a failure where the knob `check_fail` names the task.
Ordered CheckRows(const Json& document, const Json& config) {
  Ordered rows = Ordered::array();
  const auto& knobs = document["knobs"];
  const bool fails = knobs.value("check_fail", "") == config["name"];
  for (const std::string& source : SourcesOfTask(config)) {
    const Json from = SourceConfigOf(document, source).value("from", Json::object());
    const std::string where = "address of db instance - " + from.value("host", "") + ":" +
                              from.value("port", Json(3306)).dump();
    const bool maria = !knobs.value("mysql", Json(false)).get<bool>();
    rows.push_back(Row(
        rows.size(), "mysql_version", "check whether mysql version is satisfied",
        maria ? "warn" : "success", maria ? "Migrating from MariaDB is still experimental." : "",
        "It is recommended that you upgrade MariaDB to 10.1.2 or a later version.", where));
    rows.push_back(Row(rows.size(), "binlog_format", "check whether mysql binlog_format is ROW",
                       fails ? "fail" : "success",
                       fails ? "binlog_format is STATEMENT, and should be ROW" : "",
                       "MySQL as source: please execute 'set global binlog_format=ROW;'.", where));
  }
  return rows;
}

struct Checked {
  bool passed = false;
  std::string text;
};

Checked Precheck(const Json& document, const Json& config) {
  const Ordered rows = CheckRows(document, config);
  std::size_t failed = 0;
  std::size_t warning = 0;
  for (const Ordered& row : rows) {
    failed += row["state"] == "fail" ? 1 : 0;
    warning += row["state"] == "warn" ? 1 : 0;
  }
  Ordered shown = Ordered::array();
  for (const Ordered& row : rows) {
    if (row["state"] != "success") shown.push_back(row);
  }
  if (failed + warning == 0) return {true, kPassed};
  const Ordered detail = {{"results", shown},
                          {"summary",
                           {{"passed", failed == 0},
                            {"total", rows.size()},
                            {"successful", rows.size() - failed - warning},
                            {"failed", failed},
                            {"warning", warning}}}};
  const std::string found =
      failed == 0 ? "no errors but some warnings" : "check was failed, please see detail";
  const std::string text = kCheckFailed + found + "\n detail: " + detail.dump(1, '\t');
  return {failed == 0, failed == 0 ? text : DmError(26005, text)};
}

// The text of an error; empty: the sources are there and the target is, too.
std::string CheckPlaces(const Json& document, const Json& config) {
  for (const std::string& source : SourcesOfTask(config)) {
    if (document["sources"].contains(source)) continue;
    return DmError(20031, "source " + source + " in deployment configuration not found", "",
                   "Please use `operate-source create source-config-file-path` to add source.");
  }
  return Unreachable(document, config["target-database"], "downstream");
}

}  // namespace

Json Calls::CheckTask(const Json& request) {
  const Parsed parsed = ParseTask(request["task"]);
  if (!parsed.error.empty()) return Failure(parsed.error);
  const DocumentPtr document = Read();
  const std::string error = CheckPlaces(*document, parsed.config);
  if (!error.empty()) return Failure(error);
  const Checked checked = Precheck(*document, parsed.config);
  return {{"result", checked.passed}, {"msg", checked.text}};
}

Json Calls::StartTask(const Json& request) {
  const Parsed parsed = ParseTask(request["task"]);
  if (!parsed.error.empty()) return Failure(parsed.error);
  DocumentPtr document = Read();
  if (const std::string error = CheckPlaces(*document, parsed.config); !error.empty()) {
    return Failure(error);
  }
  std::vector<std::string> sources = SourcesOfTask(parsed.config);
  if (!request["sources"].empty()) {
    const std::vector<std::string> wanted = request["sources"];
    std::erase_if(sources, [&](const std::string& source) {
      return std::find(wanted.begin(), wanted.end(), source) == wanted.end();
    });
  }
  const Checked checked = Precheck(*document, parsed.config);
  if (!checked.passed) return Failure(checked.text);
  const std::string refusal = RefusalOf(Do({{"op", "start_task"},
                                            {"config", parsed.config},
                                            {"sources", sources},
                                            {"remove_meta", request["remove_meta"]}}));
  if (!refusal.empty()) return Failure(refusal);
  document = Read();
  Json answers = Json::array();
  for (const std::string& source : sources) answers.push_back(WorkerAnswer(*document, source));
  return {{"result", true}, {"sources", answers}, {"check_result", checked.text}};
}

Json Calls::OperateTask(const Json& request) {
  const int op = request["op"];
  const char* action = op == kPause    ? "pause"
                       : op == kResume ? "resume"
                       : op == kDelete ? "delete"
                       : op == kStop   ? "stop"
                                       : "";
  Json answer = {{"op", op}, {"result", false}};
  if (*action == '\0') {
    answer["msg"] = "invalid operate " + std::to_string(op) + " on task";
    return answer;
  }
  const Json done = Do({{"op", "operate_task"},
                        {"name", request["name"]},
                        {"action", action},
                        {"sources", request["sources"]}});
  if (const std::string refusal = RefusalOf(done); !refusal.empty()) {
    answer["msg"] = refusal;
    return answer;
  }
  const DocumentPtr document = Read();
  answer["result"] = true;
  for (const std::string source : done["sources"]) {
    answer["sources"].push_back(WorkerAnswer(*document, source));
  }
  return answer;
}

Json Calls::QueryStatus(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["name"];
  std::vector<std::string> sources = request["sources"];
  if (!name.empty() && !(*document)["tasks"].contains(name)) {
    return Failure("task " + name + " has no source or not exist");
  }
  for (const std::string& source : sources) {
    if (!(*document)["bounds"].contains(source)) {
      return Failure(source + " relevant worker-client not found");
    }
  }
  if (sources.empty() && !name.empty()) sources = SourcesOf(*document, name, Json::array());
  if (sources.empty()) {
    for (const auto& [source, config] : (*document)["sources"].items()) sources.push_back(source);
  }
  const std::int64_t now = NowMs();
  Json answers = Json::array();
  for (const std::string& source : sources) {
    Json answer = {{"result", true}, {"source_status", SourceStatus(*document, source, now)}};
    if (!(*document)["bounds"].contains(source)) {
      answer["result"] = false;
      answer["msg"] = DmError(38029, "source " + source + " relevant worker-client not found");
      answers.push_back(std::move(answer));
      continue;
    }
    answer["sub_task_status"] = Json::array();
    for (const std::string& task : TasksOfSource(*document, source)) {
      if (!name.empty() && task != name) continue;
      answer["sub_task_status"].push_back(SubtaskStatus(*document, task, source, now));
    }
    answers.push_back(std::move(answer));
  }
  return {{"result", true}, {"sources", answers}};
}

}  // namespace dmsim
