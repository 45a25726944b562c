// The OpenAPI that needs `openapi = true`: sources and cluster; of tasks what is to be read.
#include <nlohmann/json.hpp>

#include "master.h"
#include "process.h"

namespace dmsim {
namespace {

HttpResponse Compact(int status, const Json& body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json; charset=utf-8";
  if (!body.is_null()) response.body = body.dump();
  return response;
}

HttpResponse List(const Json& data) {
  return Compact(200, {{"total", data.size()}, {"data", data}});
}

HttpResponse NotMatched() { return Compact(404, {{"error", "no matching operation was found"}}); }

HttpResponse BadRequest(const std::string& reason) {
  return Compact(400, {{"error",
                        "error in openapi3filter.RequestError: request body has an error: "
                        "doesn't match the schema: " +
                            reason}});
}

// The first thing that the schema of a source refuses; empty: none.
std::string CheckSource(const Json& source) {
  if (!source.is_object()) return "Error at \"/source\": property \"source\" is missing";
  for (const char* name : {"source_name", "host", "port", "user", "password"}) {
    if (!source.contains(name)) {
      return "Error at \"/source/" + std::string(name) + "\": property \"" + name + "\" is missing";
    }
    const bool right =
        std::string(name) == "port" ? source[name].is_number_integer() : source[name].is_string();
    if (!right) return "Error at \"/source/" + std::string(name) + "\": wrong type";
  }
  return "";
}

Json StatusOf(const Json& document, const std::string& source) {
  const std::string worker = document["bounds"].value(source, "");
  Json status = {{"source_name", source}, {"worker_name", worker}};
  if (worker.empty()) {
    status["error_msg"] =
        "[code=38029:class=dm-master:scope=internal:level=high], Message: " + source +
        " relevant worker-client not found";
  }
  return Json::array({status});
}

// As a list shows a source: the password is masked.
Json Shown(const Json& document, const std::string& name, bool with_status) {
  Json source = document["sources"][name];
  source["password"] = "******";
  if (with_status) source["status_list"] = StatusOf(document, name);
  return source;
}

Json ClusterInfo(const Json& document) {
  Json info = {{"cluster_id", HashId(document["cluster"])}};
  if (!document["topology"].is_null()) info["topology"] = document["topology"];
  return info;
}

}  // namespace

HttpResponse Master::AnswerOf(const Json& result, int status, const Json& body) {
  if (!result.contains("error")) return Compact(status, body);
  return Compact(400, {{"error_msg", result["error"]}, {"error_code", result.value("code", 0)}});
}

HttpResponse Master::HandleOpenApi(const HttpRequest& request, const std::string& path) {
  const std::vector<std::string> parts = Split(path, '/');
  if (parts.empty()) return NotMatched();
  if (parts[0] == "cluster") return HandleCluster(request, parts);
  if (parts[0] == "sources" && parts.size() == 1) return HandleSources(request, parts);
  if (parts[0] == "sources") return HandleSource(request, parts);
  if (parts[0] == "tasks") return HandleTasks(request, parts);
  return NotMatched();
}

HttpResponse Master::HandleSources(const HttpRequest& request, const std::vector<std::string>&) {
  if (request.method == "GET") {
    const DocumentPtr document = ReadForClient(request);
    if (!document) return Compact(400, nullptr);
    Json data = Json::array();
    for (const auto& [name, source] : (*document)["sources"].items()) {
      data.push_back(Shown(*document, name, request.Query("with_status") == "true"));
    }
    return List(data);
  }
  if (request.method != "POST") return NotMatched();
  const Json body = Json::parse(request.body, nullptr, false);
  const Json source = body.is_object() ? body.value("source", Json()) : Json();
  if (const std::string reason = CheckSource(source); !reason.empty()) return BadRequest(reason);
  Json command = {{"op", "put_source"}, {"source", source}};
  if (body.contains("worker_name")) command["worker"] = body["worker_name"];
  // The answer repeats the password in clear, as the real one's does.
  return AnswerOf(consensus_->Execute(command, kRequestTimeout), 201, source);
}

HttpResponse Master::HandleSource(const HttpRequest& request,
                                  const std::vector<std::string>& parts) {
  const std::string& name = parts[1];
  const std::string action = parts.size() == 3 ? request.method + " " + parts[2] : request.method;
  if (parts.size() > 3) return NotMatched();
  if (action == "DELETE") {
    return AnswerOf(consensus_->Execute({{"op", "delete_source"}, {"name", name}}, kRequestTimeout),
                    204, nullptr);
  }
  const Json body = Json::parse(request.body, nullptr, false);
  if (action == "POST transfer") {
    if (!body.is_object() || !body.contains("worker_name")) {
      return BadRequest("Error at \"/worker_name\": property \"worker_name\" is missing");
    }
    const Json command = {{"op", "transfer"}, {"name", name}, {"worker", body["worker_name"]}};
    return AnswerOf(consensus_->Execute(command, kRequestTimeout), 200, nullptr);
  }
  const DocumentPtr document = ReadForClient(request);
  if (!document) return Compact(400, nullptr);
  if (!(*document)["sources"].contains(name)) {
    const std::string text = DmError(46008, "source config with ID " + name + " not exists");
    return AnswerOf({{"error", text}, {"code", 46008}}, 0, nullptr);
  }
  if (action == "GET") {
    return Compact(200, Shown(*document, name, request.Query("with_status") == "true"));
  }
  if (action == "GET status") return List(StatusOf(*document, name));
  if (action == "POST enable" || action == "POST disable") return Compact(200, nullptr);
  if (action != "PUT") return NotMatched();
  Json source = body.is_object() ? body.value("source", Json()) : Json();
  // Without a password the stored one stays.
  if (source.is_object() && !source.contains("password")) {
    source["password"] = (*document)["sources"][name]["password"];
  }
  if (const std::string reason = CheckSource(source); !reason.empty()) return BadRequest(reason);
  const Json command = {{"op", "put_source"}, {"source", source}, {"update", true}};
  return AnswerOf(consensus_->Execute(command, kRequestTimeout), 200, source);
}

HttpResponse Master::HandleCluster(const HttpRequest& request,
                                   const std::vector<std::string>& parts) {
  const std::string what = parts.size() > 1 ? parts[1] : "";
  if (parts.size() == 3 && request.method == "DELETE" && (what == "masters" || what == "workers")) {
    const Json result =
        what == "masters"
            ? Json{{"error", RemoveMaster(parts[2])}, {"code", 0}}
            : consensus_->Execute({{"op", "offline_worker"}, {"name", parts[2]}}, kRequestTimeout);
    return result.value("error", "").empty() ? Compact(204, nullptr) : AnswerOf(result, 0, nullptr);
  }
  if (what == "info" && request.method == "PUT") {
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object()) return BadRequest("value is not an object");
    const Json result =
        consensus_->Execute({{"op", "topology"}, {"topology", body}}, kRequestTimeout);
    return AnswerOf(result, 200, ClusterInfo(*consensus_->Local()));
  }
  if (parts.size() != 2 || request.method != "GET") return NotMatched();
  const DocumentPtr document = ReadForClient(request);
  if (!document) return Compact(400, nullptr);
  if (what == "info") return Compact(200, ClusterInfo(*document));
  Json data = Json::array();
  if (what == "masters") {
    for (const MemberHealth& item : ProbeMembers(*document)) {
      data.push_back({{"name", item.member["name"]},
                      {"alive", item.alive},
                      {"leader", item.member["name"] == LeaderOf(*document)["name"]},
                      {"addr", item.member["peer_urls"].front()}});
    }
    return List(data);
  }
  if (what != "workers") return NotMatched();
  for (const auto& [name, worker] : (*document)["workers"].items()) {
    data.push_back({{"name", name},
                    {"addr", worker["addr"]},
                    {"bound_stage", StageOf(*document, name)},
                    {"bound_source_name", SourceOf(*document, name)}});
  }
  return List(data);
}

}  // namespace dmsim
