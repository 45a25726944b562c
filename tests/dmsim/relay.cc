// Relay of a source, by its bound worker or by workers that are named.
#include <algorithm>

#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

constexpr int kRelayBehind = 11106;

Json CheckRelayWorkers(const Json& command, const Json& document) {
  const std::string source = command["source"];
  for (const std::string worker : command["workers"]) {
    if (!document["workers"].contains(worker)) {
      return Refuse(46004, "dm-worker with name " + worker + " not exists");
    }
    const std::string other = SourceOf(document, worker);
    if (other.empty() || other == source) continue;
    return Refuse(46021,
                  "these workers " + GoList({worker}) + " have bound for another sources " +
                      GoList({other}) + " respectively",
                  "Please `start-relay` on free or same source workers.");
  }
  return {};
}

// Whether the call names workers as the one that started the relay did.
Json CheckRelayKind(const Json& command, const Json& relay, const std::string& call) {
  const std::string what = "`" + call + "`";
  if (!command["workers"].empty() && relay["bound"].get<bool>()) {
    return Refuse(call == "start-relay" ? 46030 : 46031,
                  "the source has `start-relay` automatically for bound worker, so it can't " +
                      what + " with worker name now",
                  call == "start-relay"
                      ? "Please stop relay by `stop-relay` without worker name first."
                      : "Please use `stop-relay` without worker name.");
  }
  if (command["workers"].empty() && !relay["bound"].get<bool>()) {
    return Refuse(call == "start-relay" ? 46028 : 46029,
                  "the source has `start-relay` with worker name for workers " +
                      GoList(relay["workers"].get<std::vector<std::string>>()) + ", so it can't " +
                      what + " without worker name now",
                  call == "start-relay"
                      ? "Please stop all relay workers first, or specify worker name for "
                        "`start-relay`."
                      : "Please specify worker names for `stop-relay`.");
  }
  return {};
}

// What had been read already lies before the relay's beginning: the task pauses.
void PauseReaders(const std::string& source, std::int64_t now, Json* document) {
  for (const std::string& name : TasksOfSource(*document, source)) {
    const Json& view = *document;
    const Json& task = view["tasks"][name];
    const Place place = PlaceOf(view, task, task["subtasks"][source], now);
    const bool incremental = task["config"].value("task-mode", "") == "incremental";
    if (!incremental || place.stage != Stage::kRunning || place.sync_ms == 0) continue;
    Json error = DmErrorParts(kRelayBehind,
                              "the given relay log pos (bin.000002, 4) of meta config is too big");
    error["relay"] = true;
    (*document)["tasks"][name]["subtasks"][source]["error"] = error;
  }
}

}  // namespace

Json StartRelay(const Json& command, Json* document) {
  const std::string source = command["source"];
  if (!(*document)["sources"].contains(source)) {
    return Refuse(46008, "source config with ID " + source + " not exists");
  }
  if (Json refusal = CheckRelayWorkers(command, *document); !refusal.is_null()) return refusal;
  Json& relay = (*document)["relay"];
  if (relay.contains(source)) {
    Json refusal = CheckRelayKind(command, relay[source], "start-relay");
    if (!refusal.is_null()) return refusal;
  } else {
    relay[source] = {{"bound", command["workers"].empty()}, {"workers", Json::array()}};
    PauseReaders(source, command["now"], document);
  }
  Json& workers = (*document)["relay"][source]["workers"];
  for (const Json& worker : command["workers"]) {
    if (std::find(workers.begin(), workers.end(), worker) == workers.end()) {
      workers.push_back(worker);
    }
  }
  return {{"ok", true}};
}

Json StopRelay(const Json& command, Json* document) {
  const std::string source = command["source"];
  if (!(*document)["sources"].contains(source)) {
    return Refuse(46008, "source config with ID " + source + " not exists");
  }
  Json& relay = (*document)["relay"];
  if (!relay.contains(source)) return {{"ok", true}};
  Json refusal = CheckRelayKind(command, relay[source], "stop-relay");
  if (!refusal.is_null()) return refusal;
  Json left = Json::array();
  for (const Json& worker : relay[source]["workers"]) {
    const Json& stopped = command["workers"];
    if (std::find(stopped.begin(), stopped.end(), worker) == stopped.end()) left.push_back(worker);
  }
  relay[source]["workers"] = left;
  if (left.empty()) relay.erase(source);
  // By now a resumption mends what the relay had broken.
  for (const std::string& name : TasksOfSource(*document, source)) {
    Json& error = (*document)["tasks"][name]["subtasks"][source]["error"];
    if (!error.is_null() && error.value("relay", false)) error["once"] = true;
  }
  return {{"ok", true}};
}

// {"source", "before": {filename, sub_dir}}
Json PurgeRelay(const Json& command, Json* document) {
  const std::string source = command["source"];
  if (!(*document)["relay"].contains(source)) {
    return Refuse(0, "relay worker for source " + source + " not found");
  }
  (*document)["relay"][source]["purged"] = command["before"];
  return {{"ok", true}};
}

}  // namespace dmsim
