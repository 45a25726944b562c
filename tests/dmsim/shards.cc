// Locks of shard DDL, and the validation of what was replicated.
#include <algorithm>
#include <vector>

#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

constexpr int kNewError = 1;
constexpr int kIgnored = 2;
constexpr int kResolved = 3;

Json NoSubtask(const std::string& task) {
  return Refuse(0, "cannot get subtask by task name `" + task + "`");
}

std::vector<Json*> ValidationsOf(const std::string& name, const Json& sources, Json* document) {
  std::vector<Json*> validations;
  for (const std::string& source : SourcesOf(*document, name, sources)) {
    Json& subtasks = (*document)["tasks"][name]["subtasks"];
    if (subtasks.contains(source)) validations.push_back(&subtasks[source]["validation"]);
  }
  return validations;
}

}  // namespace

// {"lock": {task, mode, owner, ddls, synced, unsynced, target}}
Json AddLock(const Json& command, Json* document) {
  Json lock = command["lock"];
  const std::string task = lock["task"];
  if (!(*document)["tasks"].contains(task)) return NoSubtask(task);
  if (!lock.contains("target")) lock["target"] = "`db`.`t`";
  if (!lock.contains("id")) lock["id"] = task + "-" + lock["target"].get<std::string>();
  const Json defaults = {{"mode", "pessimistic"},
                         {"owner", ""},
                         {"ddls", Json::array()},
                         {"synced", Json::array()},
                         {"unsynced", Json::array()}};
  for (const auto& [key, value] : defaults.items()) {
    if (!lock.contains(key)) lock[key] = value;
  }
  (*document)["locks"].push_back(std::move(lock));
  return {{"ok", true}};
}

Json Unlock(const Json& command, Json* document) {
  const std::string id = command["id"];
  const std::string owner = command["replace_owner"];
  Json kept = Json::array();
  for (const Json& lock : (*document)["locks"]) {
    if (lock["id"] != id) {
      kept.push_back(lock);
      continue;
    }
    // Without its owner a lock can be resolved only by another one that is named.
    const std::string holder = owner.empty() ? lock["owner"].get<std::string>() : owner;
    const bool known = (*document)["bounds"].contains(holder);
    if (!known && !command["force"].get<bool>()) {
      return Refuse(38029, "source " + holder + " relevant worker-client not found");
    }
  }
  if (kept.size() == (*document)["locks"].size()) {
    return Refuse(38017, "lock with ID " + id + " not found",
                  "Please use show-ddl-locks command to see lock id.");
  }
  (*document)["locks"] = std::move(kept);
  return {{"ok", true}};
}

Json StartValidation(const Json& command, Json* document) {
  const std::string name = command["task"];
  const auto validations = ValidationsOf(name, command["sources"], document);
  if (validations.empty()) return NoSubtask(name);
  for (Json* validation : validations) {
    if (validation->is_null()) *validation = {{"errors", Json::array()}};
    (*validation)["mode"] = command["mode"];
    (*validation)["stage"] = static_cast<int>(Stage::kRunning);
  }
  return {{"ok", true}};
}

Json StopValidation(const Json& command, Json* document) {
  const std::string name = command["task"];
  const auto validations = ValidationsOf(name, command["sources"], document);
  if (validations.empty()) return NoSubtask(name);
  for (Json* validation : validations) {
    if (validation->is_null()) {
      return Refuse(43006, "validator not found for task " + name + " with source " +
                               SourcesOf(*document, name, command["sources"]).front());
    }
    (*validation)["stage"] = static_cast<int>(Stage::kStopped);
  }
  return {{"ok", true}};
}

// {"at": [position, GTID]}
Json CutOver(const Json& command, Json* document) {
  const std::string name = command["task"];
  const auto validations = ValidationsOf(name, command["sources"], document);
  if (validations.empty()) return NoSubtask(name);
  for (Json* validation : validations) {
    if (!validation->is_null()) (*validation)["cut_over"] = command["at"];
  }
  return {{"ok", true}};
}

// Of tests: {"task", "source", "error": what pb.ValidationError shows}.
Json AddValidationError(const Json& command, Json* document) {
  const std::string source = command["source"];
  const std::string name = command["task"];
  const auto validations = ValidationsOf(name, Json::array({source}), document);
  if (validations.empty() || validations.front()->is_null()) return NoSubtask(name);
  Json error = {{"source", source},  {"src_table", "`db`.`t`"},
                {"src_data", "[1]"}, {"dst_table", "`db`.`t`"},
                {"dst_data", "[2]"}, {"error_type", "Column data not matched"},
                {"message", ""},     {"time", "2026-01-01 00:00:00"}};
  const Json changes = command.value("error", Json::object());
  for (const auto& [key, value] : changes.items()) {
    error[key] = value;
  }
  Json& errors = (*validations.front())["errors"];
  error["id"] = std::to_string(errors.size() + 1);
  error["status"] = kNewError;
  errors.push_back(std::move(error));
  return {{"ok", true}};
}

Json OperateValidationError(const Json& command, Json* document) {
  const std::string name = command["task"];
  const auto validations = ValidationsOf(name, Json::array(), document);
  if (validations.empty()) return NoSubtask(name);
  const std::string action = command["action"];
  for (Json* validation : validations) {
    if (validation->is_null()) continue;
    Json kept = Json::array();
    for (Json& error : (*validation)["errors"]) {
      const bool meant = command["all"].get<bool>() || error["id"] == command["id"];
      if (meant && action == "clear") continue;
      if (meant) error["status"] = action == "ignore" ? kIgnored : kResolved;
      kept.push_back(error);
    }
    (*validation)["errors"] = std::move(kept);
  }
  return {{"ok", true}};
}

}  // namespace dmsim
