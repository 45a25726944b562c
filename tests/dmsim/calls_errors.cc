// HandleError, OperateSchema and the locks of shard DDL.
#include <map>

#include "calls.h"
#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

enum SchemaOp {
  kGetSchema = 1,
  kSetSchema = 2,
  kRemoveSchema = 3,
  kListSchemas = 4,
  kListTables = 5,
  kListTargets = 6
};
enum ErrorOp { kSkip = 1, kReplace = 2, kRevert = 3, kInject = 4, kListErrors = 5 };
constexpr char kTable[] = "t";
constexpr char kStructure[] =
    "CREATE TABLE `t` ( `id` int(11) NOT NULL, `v` varchar(20) DEFAULT NULL, PRIMARY KEY (`id`)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

// One schema `db` with one table `t`, and what was set.
std::string SchemaText(const Json& request, const Json& subtask) {
  const std::string database = request["database"];
  switch (request["op"].get<int>()) {
    case kListSchemas:
      return R"(["db"])";
    case kListTables:
      return R"(["t"])";
    case kListTargets:
      return R"([{"source_schema":"db","source_table":"t","target_schema":"db","target_table":"t"}])";
    case kGetSchema: {
      const std::string key = database + "." + request["table"].get<std::string>();
      const Json schemas = subtask.value("schemas", Json::object());
      return schemas.contains(key) && !schemas[key].is_null() ? schemas[key].get<std::string>()
                                                              : kStructure;
    }
    default:
      return "";
  }
}

std::string SchemaError(const Json& request, const Place& place) {
  const int op = request["op"];
  if (op != kListTargets && place.stage != Stage::kPaused) {
    return DmError(
        40051, std::string("current stage is ") + NameOf(place.stage) + " but not paused, invalid");
  }
  const std::string table = request["table"];
  if (op == kGetSchema && table != kTable) {
    return DmError(44005,
                   "cannot get table info for `" + request["database"].get<std::string>() + "`.`" +
                       table + "` from schema tracker",
                   "[schema:1146]Table '" + request["database"].get<std::string>() + "." + table +
                       "' doesn't exist");
  }
  const std::string schema = request["schema"];
  if (op == kSetSchema && schema.find("CREATE TABLE") == std::string::npos &&
      schema.find("create table") == std::string::npos) {
    return DmError(44009, schema + " is not a valid `CREATE TABLE` statement");
  }
  return "";
}

}  // namespace

Json Calls::HandleError(const Json& request) {
  static const std::map<int, std::string> actions = {{kSkip, "skip"},
                                                     {kReplace, "replace"},
                                                     {kRevert, "revert"},
                                                     {kInject, "inject"},
                                                     {kListErrors, "list"}};
  const auto action = actions.find(request["op"].get<int>());
  if (action == actions.end()) return Failure("invalid error op " + request["op"].dump());
  const bool list = action->first == kListErrors;
  const Json done = Do({{"op", "handle_error"},
                        {"task", request["task"]},
                        {"sources", request["sources"]},
                        {"position", request["binlog_pos"]},
                        {"statements", request["sqls"]},
                        {"action", action->second}});
  if (const std::string refusal = RefusalOf(done); !refusal.empty()) return Failure(refusal);
  const DocumentPtr document = Read();
  Json sources = Json::array();
  for (const auto& [source, error] : done["results"].items()) {
    sources.push_back(WorkerAnswer(*document, source, error));
    if (list && error == "") sources.back()["msg"] = "[]";
  }
  return {{"result", true}, {"sources", sources}};
}

Json Calls::OperateSchema(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["task"];
  const auto sources = SourcesOf(*document, name, request["sources"]);
  if (sources.empty()) {
    return Failure("task " + name +
                   " has no source or not exist, please check the task name and status");
  }
  Json answers = Json::array();
  for (const std::string& source : sources) {
    const Json& task = (*document)["tasks"][name];
    if (!task["subtasks"].contains(source)) {
      answers.push_back(WorkerAnswer(*document, source,
                                     DmError(40054, "sub task with name " + name + " not found")));
      continue;
    }
    const Json& subtask = task["subtasks"][source];
    const std::string error = SchemaError(request, PlaceOf(*document, task, subtask, NowMs()));
    const int op = request["op"];
    if (error.empty() && (op == kSetSchema || op == kRemoveSchema)) {
      const std::string table =
          request["database"].get<std::string>() + "." + request["table"].get<std::string>();
      Do({{"op", "set_schema"},
          {"task", name},
          {"source", source},
          {"table", table},
          {"schema", op == kSetSchema ? request["schema"] : Json()}});
    }
    answers.push_back(WorkerAnswer(*document, source, error));
    if (error.empty()) answers.back()["msg"] = SchemaText(request, subtask);
  }
  return {{"result", true}, {"sources", answers}};
}

Json Calls::ShowLocks(const Json& request) {
  const DocumentPtr document = Read();
  Json locks = Json::array();
  const std::string task = request["task"];
  for (Json lock : (*document)["locks"]) {
    if (!task.empty() && lock["task"] != task) continue;
    lock.erase("target");
    locks.push_back(std::move(lock));
  }
  Json answer = {{"result", true}, {"locks", locks}};
  if (locks.empty()) answer["msg"] = "no DDL lock exists";
  return answer;
}

Json Calls::UnlockLock(const Json& request) {
  const std::string refusal = RefusalOf(Do({{"op", "unlock"},
                                            {"id", request["id"]},
                                            {"replace_owner", request["replace_owner"]},
                                            {"force", request["force_remove"]}}));
  return {{"result", refusal.empty()}, {"msg", refusal}};
}

}  // namespace dmsim
