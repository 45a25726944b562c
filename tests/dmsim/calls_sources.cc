// OperateSource, TransferSource, relay, and the configurations that are shown.
#include "calls.h"
#include "configs.h"
#include "tasks.h"
#include "toml.h"
#include "yaml.h"

namespace dmsim {
namespace {

enum SourceOp { kStartSource = 1, kUpdateSource = 2, kStopSource = 3, kShowSource = 4 };
enum ConfigKind { kTaskConfig = 1, kSourceConfig = 4 };

constexpr char kNoWorker[] = "source is added but there is no free worker to bound";

Json SourceAnswer(const Json& document, const std::string& source) {
  Json answer = WorkerAnswer(document, source);
  if (answer["worker"] == "") answer["msg"] = kNoWorker;
  return answer;
}

}  // namespace

Json Calls::OperateSource(const Json& request) {
  switch (request["op"].get<int>()) {
    case kStartSource:
      return PutSources(request, false);
    case kUpdateSource:
      return PutSources(request, true);
    case kStopSource:
      return StopSources(request);
    case kShowSource:
      break;
    default:
      return Failure(DmError(38015, "op " + request["op"].dump() + " is invalid for source"));
  }
  const DocumentPtr document = Read();
  Json sources = Json::array();
  std::vector<std::string> names = request["source_id"];
  if (names.empty()) {
    for (const auto& [name, source] : (*document)["sources"].items()) names.push_back(name);
  }
  for (const std::string& name : names) sources.push_back(SourceAnswer(*document, name));
  return {{"result", true}, {"sources", sources}};
}

Json Calls::PutSources(const Json& request, bool update) {
  std::vector<Json> configs;
  const DocumentPtr before = Read();
  for (const std::string text : request["config"]) {
    Parsed parsed = ParseSource(text);
    if (parsed.error.empty()) {
      parsed.error = Unreachable(*before, parsed.config.value("from", Json::object()), "upstream");
    }
    if (!parsed.error.empty()) return Failure(parsed.error);
    configs.push_back(std::move(parsed.config));
  }
  std::vector<std::string> added;
  for (const Json& config : configs) {
    Json command = {{"op", "put_source"},
                    {"update", update},
                    {"source", OpenApiOfSource(config)},
                    {"config", config}};
    if (!request["worker_name"].get<std::string>().empty()) {
      command["worker"] = request["worker_name"];
    }
    const std::string refusal = RefusalOf(Do(command));
    if (!refusal.empty()) {
      // All or none of those that are created.
      for (const std::string& name : added) Do({{"op", "delete_source"}, {"name", name}});
      return Failure(refusal);
    }
    if (!update) added.push_back(config["source-id"]);
  }
  const DocumentPtr document = Read();
  Json sources = Json::array();
  for (const Json& config : configs) {
    sources.push_back(SourceAnswer(*document, config["source-id"]));
  }
  return {{"result", true}, {"sources", sources}};
}

Json Calls::StopSources(const Json& request) {
  std::vector<std::string> names = request["source_id"];
  for (const std::string text : request["config"]) {
    const Parsed parsed = ParseSource(text);
    if (!parsed.error.empty()) return Failure(parsed.error);
    names.push_back(parsed.config["source-id"]);
  }
  Json sources = Json::array();
  for (const std::string& name : names) {
    const Json answer = Do({{"op", "delete_source"}, {"name", name}});
    if (const std::string refusal = RefusalOf(answer); !refusal.empty()) return Failure(refusal);
    sources.push_back({{"result", true}, {"source", name}, {"worker", answer["worker"]}});
  }
  return {{"result", true}, {"sources", sources}};
}

Json Calls::TransferSource(const Json& request) {
  const std::string refusal = RefusalOf(
      Do({{"op", "transfer"}, {"name", request["source"]}, {"worker", request["worker"]}}));
  return {{"result", refusal.empty()}, {"msg", refusal}};
}

Json Calls::OperateRelay(const Json& request) {
  const bool start = request["op"] == 1;
  const std::string refusal = RefusalOf(Do({{"op", start ? "start_relay" : "stop_relay"},
                                            {"source", request["source"]},
                                            {"workers", request["worker"]}}));
  return {{"result", refusal.empty()}, {"msg", refusal}};
}

Json Calls::PurgeRelay(const Json& request) {
  Json sources = Json::array();
  for (const std::string source : request["sources"]) {
    const Json before = {{"filename", request["filename"]}, {"sub_dir", request["sub_dir"]}};
    const std::string refusal =
        RefusalOf(Do({{"op", "purge_relay"}, {"source", source}, {"before", before}}));
    sources.push_back(WorkerAnswer(*Read(), source, refusal));
  }
  return {{"result", true}, {"sources", sources}};
}

Json Calls::GetConfig(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["name"];
  Json config;
  switch (request["type"].get<int>()) {
    case kTaskConfig:
      if (!(*document)["tasks"].contains(name)) return Failure("task not found");
      config = MaskTask(FillTask((*document)["tasks"][name]["config"]));
      break;
    case kSourceConfig:
      if (!(*document)["sources"].contains(name)) return Failure("source not found");
      config = MaskSource(FillSource(SourceConfigOf(*document, name)));
      break;
    default:
      return Failure("invalid config op '" + request["type"].dump() + "'");
  }
  return {{"result", true}, {"cfg", WriteYaml(config)}};
}

Json Calls::GetSubtaskConfigs(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["name"];
  if (!(*document)["tasks"].contains(name)) return Failure("task not found");
  const Json& task = (*document)["tasks"][name];
  Json configs = Json::array();
  for (const std::string& source : SourcesOf(*document, name, Json::array())) {
    configs.push_back(WriteToml(SubtaskConfig(MaskTask(FillTask(task["config"])), source)));
  }
  return {{"result", true}, {"cfgs", configs}};
}

}  // namespace dmsim
