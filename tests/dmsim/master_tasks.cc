// The OpenAPI's view of tasks, for reading only.
#include "master.h"
#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

HttpResponse TaskAnswer(int status, const Json& body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json; charset=utf-8";
  response.body = body.dump();
  return response;
}

// One of a pb.SubTaskStatus, which the OpenAPI shows by other names.
Json OpenApiStatus(const Json& document, const std::string& task, const std::string& source,
                   std::int64_t now) {
  const Json status = SubtaskStatus(document, task, source, now);
  const Place place =
      PlaceOf(document, document["tasks"][task], document["tasks"][task]["subtasks"][source], now);
  Json shown = {{"name", task},
                {"source_name", source},
                {"worker_name", document["bounds"].value(source, "")},
                {"stage", NameOf(place.stage)},
                {"unit", NameOf(place.unit)},
                {"unresolved_ddl_lock_id", status.value("unresolved_ddl_lock_id", "")}};
  for (const char* unit : {"dump", "load", "sync"}) {
    if (status.contains(unit)) shown[std::string(unit) + "_status"] = status[unit];
  }
  if (!document["bounds"].contains(source)) {
    shown["error_msg"] = DmError(38029, "source " + source + " relevant worker-client not found");
  } else if (place.failed) {
    const Json& error = document["tasks"][task]["subtasks"][source]["error"];
    shown["error_msg"] =
        DmError(error["code"], error["message"], error["cause"], error["workaround"]);
  }
  return shown;
}

Json StatusList(const Json& document, const std::string& task) {
  Json list = Json::array();
  for (const std::string& source : SourcesOf(document, task, Json::array())) {
    list.push_back(OpenApiStatus(document, task, source, NowMs()));
  }
  return list;
}

Json ShownTask(const Json& document, const std::string& name, bool with_status) {
  const Json& config = document["tasks"][name]["config"];
  Json target = config["target-database"];
  target["password"] = "******";
  Json task = {{"name", name}, {"task_mode", config["task-mode"]}, {"target_config", target}};
  if (config.contains("shard-mode") && config["shard-mode"] != "") {
    task["shard_mode"] = config["shard-mode"];
  }
  for (const std::string& source : SourcesOf(document, name, Json::array())) {
    task["source_config"]["source_conf"].push_back({{"source_name", source}});
  }
  if (with_status) task["status_list"] = StatusList(document, name);
  return task;
}

}  // namespace

HttpResponse Master::HandleTasks(const HttpRequest& request,
                                 const std::vector<std::string>& parts) {
  if (request.method != "GET" || parts.size() > 3) {
    return TaskAnswer(404, {{"error", "no matching operation was found"}});
  }
  const DocumentPtr document = ReadForClient(request);
  if (!document) return TaskAnswer(400, nullptr);
  const bool with_status = request.Query("with_status") == "true";
  if (parts.size() == 1) {
    Json data = Json::array();
    for (const auto& [name, task] : (*document)["tasks"].items()) {
      data.push_back(ShownTask(*document, name, with_status));
    }
    return TaskAnswer(200, {{"total", data.size()}, {"data", data}});
  }
  if (!(*document)["tasks"].contains(parts[1])) {
    const std::string text = DmError(46018, "task with name " + parts[1] + " not exist", "",
                                     "Please use `query-status` command to see tasks.");
    return TaskAnswer(400, {{"error_msg", text}, {"error_code", 46018}});
  }
  if (parts.size() == 2) return TaskAnswer(200, ShownTask(*document, parts[1], with_status));
  if (parts[2] != "status") {
    return TaskAnswer(404, {{"error", "no matching operation was found"}});
  }
  const Json data = StatusList(*document, parts[1]);
  return TaskAnswer(200, {{"total", data.size()}, {"data", data}});
}

}  // namespace dmsim
