#include "tasks.h"

#include <algorithm>

#include "subtask.h"

namespace dmsim {
namespace {

constexpr std::int64_t kStrikesAgain = 300;  // ms after a resumption that mended nothing
const char* const kSeeTasks = "Please use `query-status` command to see tasks.";

Json Done() { return {{"ok", true}}; }

Json NoTask(const std::string& name) {
  return Refuse(
      0, "task " + name + " has no source or not exist, please check the task name and status");
}

Json StartTask(const Json& command, Json* document) {
  const Json& config = command["config"];
  const std::string name = config["name"];
  std::vector<std::string> unbound;
  std::vector<std::string> existing;
  Json& tasks = (*document)["tasks"];
  for (const std::string source : command["sources"]) {
    if (!(*document)["bounds"].contains(source)) unbound.push_back(source);
    if (tasks.contains(name) && tasks[name]["subtasks"].contains(source))
      existing.push_back(source);
  }
  if (!existing.empty()) {
    return Refuse(
        46014, "subtasks with name " + name + " for sources " + GoList(existing) + " already exist",
        kSeeTasks);
  }
  if (!unbound.empty()) return Refuse(46009, "sources " + GoList(unbound) + " have not bound");
  if (!tasks.contains(name)) tasks[name] = {{"subtasks", Json::object()}};
  tasks[name]["config"] = config;
  Json& kept = (*document)["checkpoints"][name];
  for (const std::string source : command["sources"]) {
    Json subtask = NewSubtask(*document);
    if (kept.is_object() && kept.contains(source) && !command["remove_meta"].get<bool>()) {
      subtask["progress"] = kept[source];
    }
    if (kept.is_object()) kept.erase(source);
    tasks[name]["subtasks"][source] = std::move(subtask);
  }
  if (kept.empty()) (*document)["checkpoints"].erase(name);
  return Done();
}

void Resume(Json* subtask) {
  (*subtask)["expect"] = "Running";
  Json& error = (*subtask)["error"];
  if (error.is_null()) return;
  if (error.value("once", false)) {
    error = nullptr;
  } else {
    error["after"] = kStrikesAgain;
  }
}

void DeleteSubtask(const std::string& name, const std::string& source, Json* document) {
  Json& task = (*document)["tasks"][name];
  // What it had reached is in the target database.
  (*document)["checkpoints"][name][source] = task["subtasks"][source]["progress"];
  task["subtasks"].erase(source);
  if (!task["subtasks"].empty()) return;
  (*document)["tasks"].erase(name);
  Json kept = Json::array();
  for (const Json& lock : (*document)["locks"]) {
    if (lock["task"] != name) kept.push_back(lock);
  }
  (*document)["locks"] = std::move(kept);
}

Json OperateTask(const Json& command, Json* document) {
  const std::string name = command["name"];
  const std::string action = command["action"];
  const std::vector<std::string> sources = SourcesOf(*document, name, command["sources"]);
  if (sources.empty()) return NoTask(name);
  std::vector<std::string> missing;
  for (const std::string& source : sources) {
    if (!(*document)["tasks"][name]["subtasks"].contains(source)) missing.push_back(source);
  }
  if (!missing.empty()) {
    return Refuse(46017, "sources " + GoList(missing) + " need to be operate not exist");
  }
  for (const std::string& source : sources) {
    Json& subtask = (*document)["tasks"][name]["subtasks"][source];
    if (action == "delete") {
      // Time that has run since is not in `progress` yet.
      subtask["expect"] = "Stopped";
      SettleSubtasks(command["now"], document);
      DeleteSubtask(name, source, document);
      continue;
    }
    if (action == "resume") Resume(&subtask);
    if (action == "pause") subtask["expect"] = "Paused";
    if (action == "stop") subtask["expect"] = "Stopped";
    Touch(*document, &subtask);
  }
  Json answer = Done();
  answer["sources"] = sources;
  return answer;
}

// Of tests: {"task", "source", "error"}; a null error mends.
Json Fail(const Json& command, Json* document) {
  const std::string name = command["task"];
  const std::vector<std::string> sources =
      SourcesOf(*document, name, command.value("sources", Json::array()));
  if (sources.empty()) return NoTask(name);
  for (const std::string& source : sources) {
    Json& subtasks = (*document)["tasks"][name]["subtasks"];
    if (!subtasks.contains(source)) return Refuse(46017, "sources [" + source + "] not exist");
    subtasks[source]["error"] = command["error"];
  }
  return Done();
}

// What is to be done once it comes to a statement. The text of a refusal; empty: done.
std::string PlanAhead(const Json& command, Json* subtask) {
  const std::string position = command["position"];
  Json operators = subtask->value("operators", Json::object());
  if (command["action"] != "revert") {
    operators[position] = {{"action", command["action"]}, {"statements", command["statements"]}};
  } else if (operators.erase(position) == 0) {
    return "error operator not exist, position: " + position;
  }
  (*subtask)["operators"] = std::move(operators);
  return "";
}

// Answers {source: text}, empty where it was done.
Json HandleError(const Json& command, Json* document) {
  const std::string name = command["task"];
  const std::vector<std::string> sources = SourcesOf(*document, name, command["sources"]);
  if (sources.empty()) return NoTask(name);
  Json results = Json::object();
  for (const std::string& source : sources) {
    if (!(*document)["tasks"][name]["subtasks"].contains(source)) {
      results[source] = DmError(40054, "sub task with name " + name + " not found");
      continue;
    }
    Json& subtask = (*document)["tasks"][name]["subtasks"][source];
    Json& error = subtask["error"];
    if (!command["position"].get<std::string>().empty()) {
      results[source] = command["action"] == "list" ? "" : PlanAhead(command, &subtask);
    } else if (error.is_null()) {
      results[source] = "source '" + source + "' has no error";
    } else if (!error.value("ddl", false)) {
      results[source] =
          "only support to handle ddl error currently, see "
          "https://docs.pingcap.com/tidb-data-migration/stable/error-handling for other errors";
    } else {
      results[source] = "";
      if (command["action"] == "list") continue;
      error = nullptr;
      subtask["expect"] = "Running";
    }
  }
  return {{"ok", true}, {"results", results}};
}

// What a new leader has read from the kept keys, already parsed: whole parts of the document.
Json LoadKept(const Json& command, Json* document) {
  for (const auto& [part, value] : command["parts"].items()) (*document)[part] = value;
  for (const std::string key : command["keys"]) (*document)["kept"].erase(key);
  return BindSources(document);
}

// {"keys": {key: value, or null}}
Json PutKeys(const Json& command, Json* document) {
  const std::uint64_t revision = (*document)["version"].get<std::uint64_t>() + 1;
  for (const auto& [key, value] : command["keys"].items()) {
    Json& kept = (*document)["kept"][key];
    const Json create = kept.is_object() ? kept["create"] : Json(revision);
    kept = nullptr;
    if (!value.is_null()) kept = {{"value", value}, {"create", create}, {"mod", revision}};
  }
  return Done();
}

Json SetTableSchema(const Json& command, Json* document) {
  const std::string name = command["task"];
  const std::string source = command["source"];
  Json& subtask = (*document)["tasks"][name]["subtasks"][source];
  subtask["schemas"][command["table"].get<std::string>()] = command["schema"];
  return Done();
}

Json SetKnobs(const Json& command, Json* document) {
  for (const auto& [name, value] : command["knobs"].items()) {
    (*document)["knobs"][name] = value;
    if (value.is_null()) (*document)["knobs"].erase(name);
  }
  return Done();
}

}  // namespace

void Touch(const Json& document, Json* subtask) {
  (*subtask)["mod"] = document["version"].get<std::uint64_t>() + 1;
}

std::vector<std::string> TasksOfSource(const Json& document, const std::string& source) {
  std::vector<std::string> names;
  for (const auto& [name, task] : document["tasks"].items()) {
    if (task["subtasks"].contains(source)) names.push_back(name);
  }
  return names;
}

bool HasRunningTask(const Json& document, const std::string& source) {
  const auto names = TasksOfSource(document, source);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return document["tasks"][name]["subtasks"][source]["expect"] == "Running";
  });
}

std::vector<std::string> TasksNotInSync(const Json& document, const std::string& source,
                                        std::int64_t now) {
  std::vector<std::string> names;
  for (const std::string& name : TasksOfSource(document, source)) {
    const Json& task = document["tasks"][name];
    const Place place = PlaceOf(document, task, task["subtasks"][source], now);
    if (place.stage == Stage::kRunning && place.unit != Unit::kSync) names.push_back(name);
  }
  return names;
}

std::vector<std::string> SourcesOf(const Json& document, const std::string& task,
                                   const Json& wanted) {
  std::vector<std::string> sources;
  const auto it = document["tasks"].find(task);
  if (it == document["tasks"].end()) return sources;
  if (!wanted.empty()) return wanted.get<std::vector<std::string>>();
  for (const auto& [source, subtask] : (*it)["subtasks"].items()) sources.push_back(source);
  return sources;
}

Json ApplyToTasks(const Json& command, Json* document) {
  const std::string op = command["op"];
  if (op == "start_task") return StartTask(command, document);
  if (op == "operate_task") return OperateTask(command, document);
  if (op == "handle_error") return HandleError(command, document);
  if (op == "fail") return Fail(command, document);
  if (op == "knobs") return SetKnobs(command, document);
  if (op == "put_keys") return PutKeys(command, document);
  if (op == "load_kept") return LoadKept(command, document);
  if (op == "set_schema") return SetTableSchema(command, document);
  if (op == "start_relay") return StartRelay(command, document);
  if (op == "stop_relay") return StopRelay(command, document);
  if (op == "purge_relay") return PurgeRelay(command, document);
  if (op == "add_lock") return AddLock(command, document);
  if (op == "unlock") return Unlock(command, document);
  if (op == "start_validation") return StartValidation(command, document);
  if (op == "stop_validation") return StopValidation(command, document);
  if (op == "cut_over") return CutOver(command, document);
  if (op == "add_validation_error") return AddValidationError(command, document);
  if (op == "operate_validation_error") return OperateValidationError(command, document);
  return {{"error", "unknown command " + op}, {"code", 0}};
}

}  // namespace dmsim
