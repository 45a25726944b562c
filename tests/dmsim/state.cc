#include "state.h"

#include <algorithm>
#include <random>
#include <set>

#include "net.h"
#include "tasks.h"

namespace dmsim {
namespace {

Json Ok() { return {{"ok", true}}; }

template <typename Predicate>
void EraseIf(Json* array, Predicate predicate) {
  Json kept = Json::array();
  for (const Json& item : *array) {
    if (!predicate(item)) kept.push_back(item);
  }
  *array = std::move(kept);
}

void DropLease(const std::string& lease, Json* document) {
  (*document)["leases"].erase(lease);
  EraseIf(&(*document)["campaign"], [&](const Json& item) { return item["lease"] == lease; });
  for (Json& worker : (*document)["workers"]) {
    if (worker["lease"] == lease) worker["lease"] = "";
  }
}

Json Publish(const Json& command, Json* document) {
  for (Json& member : (*document)["members"]) {
    if (member["id"] != command["id"]) continue;
    member["name"] = command["name"];
    member["client_urls"] = command["client_urls"];
    return Ok();
  }
  return Refuse(0, "member not found");
}

Json AddMember(const Json& command, Json* document) {
  for (const Json& member : (*document)["members"]) {
    if (member["peer_urls"] != command["peer_urls"]) continue;
    // A second try of the same call.
    if (member["id"] == command["id"]) return Ok();
    return {{"error", "etcdserver: Peer URLs already exists"}, {"code", 0}};
  }
  (*document)["members"].push_back({{"id", command["id"]},
                                    {"name", ""},
                                    {"peer_urls", command["peer_urls"]},
                                    {"client_urls", Json::array()}});
  return Ok();
}

Json RemoveMember(const Json& command, Json* document) {
  const Json* member = FindMember(*document, command["id"]);
  if (member == nullptr) return Ok();
  const Json name = (*member)["name"];
  EraseIf(&(*document)["campaign"], [&](const Json& item) { return item["name"] == name; });
  EraseIf(&(*document)["members"], [&](const Json& item) { return item["id"] == command["id"]; });
  return Ok();
}

Json Campaign(const Json& command, Json* document) {
  (*document)["leases"][command["lease"].get<std::string>()] = command["ttl"];
  for (const Json& item : (*document)["campaign"]) {
    if (item["lease"] == command["lease"]) return Ok();
  }
  (*document)["campaign"].push_back(
      {{"name", command["name"]}, {"addr", command["addr"]}, {"lease", command["lease"]}});
  return Ok();
}

Json Resign(const Json& command, Json* document) {
  EraseIf(&(*document)["campaign"],
          [&](const Json& item) { return item["name"] == command["name"]; });
  return Ok();
}

Json RegisterWorker(const Json& command, Json* document) {
  const std::string name = command["name"];
  Json& workers = (*document)["workers"];
  if (!workers.contains(name)) {
    workers[name] = {{"addr", command["addr"]}, {"lease", ""}, {"last_source", ""}};
  } else if (workers[name]["addr"] != command["addr"]) {
    return Refuse(46003, "dm-worker with name " + name + " already exists");
  }
  return Ok();
}

Json WorkerOnline(const Json& command, Json* document) {
  const std::string name = command["name"];
  Json& workers = (*document)["workers"];
  if (!workers.contains(name)) return Refuse(46004, "dm-worker with name " + name + " not exists");
  const std::string old = workers[name]["lease"];
  if (old != command["lease"]) (*document)["leases"].erase(old);
  (*document)["leases"][command["lease"].get<std::string>()] = command["ttl"];
  workers[name]["lease"] = command["lease"];
  return Ok();
}

Json OfflineWorker(const Json& command, Json* document) {
  const std::string name = command["name"];
  Json& workers = (*document)["workers"];
  if (!workers.contains(name)) return Refuse(46004, "dm-worker with name " + name + " not exists");
  if (workers[name]["lease"] != "") {
    return Refuse(46005, "dm-worker with name " + name + " is still online",
                  "Please shut it down first.");
  }
  workers.erase(name);
  return Ok();
}

void Bind(const std::string& source, const std::string& worker, Json* document) {
  (*document)["bounds"][source] = worker;
  (*document)["workers"][worker]["last_source"] = source;
}

std::vector<std::string> FreeWorkers(const Json& document) {
  std::vector<std::string> names;
  for (const auto& [name, worker] : document["workers"].items()) {
    if (StageOf(document, name) == "free") names.push_back(name);
  }
  return names;
}

// The worker that had the source before comes first; among others there is no order to rely on.
std::string ChooseWorker(const Json& document, const std::string& source) {
  const std::vector<std::string> names = FreeWorkers(document);
  for (const std::string& name : names) {
    if (document["workers"][name]["last_source"] == source) return name;
  }
  return names.empty() ? "" : names[RandomId() % names.size()];
}

Json PutSource(const Json& command, Json* document) {
  const std::string source = command["source"]["source_name"];
  const std::string worker = command.value("worker", "");
  const bool update = command.value("update", false);
  const bool exists = (*document)["sources"].contains(source);
  if (exists && !update) {
    return Refuse(46007, "source config with ID " + source + " already exists");
  }
  if (!exists && update && command.contains("config")) {
    return Refuse(46008, "source config with ID " + source + " not exists");
  }
  if (update && ((*document)["relay"].contains(source) || HasRunningTask(*document, source))) {
    return Refuse(46025, "source " + source +
                             " can only be updated when relay is disabled and no tasks are "
                             "running for now");
  }
  if (!worker.empty() && StageOf(*document, worker) != "free") {
    return Refuse(46006, "dm-worker with name " + worker + " not free");
  }
  (*document)["sources"][source] = command["source"];
  (*document)["source_configs"].erase(source);
  if (command.contains("config")) (*document)["source_configs"][source] = command["config"];
  const std::uint64_t revision = (*document)["version"].get<std::uint64_t>() + 1;
  Json& marks = (*document)["source_marks"][source];
  marks = {exists && marks.is_array() ? marks[0].get<std::uint64_t>() : revision, revision};
  if (!worker.empty()) Bind(source, worker, document);
  return BindSources(document);
}

Json DeleteSource(const Json& command, Json* document) {
  const std::string source = command["name"];
  if (!(*document)["sources"].contains(source)) {
    return Refuse(46008, "source config with ID " + source + " not exists");
  }
  if (const auto tasks = TasksOfSource(*document, source); !tasks.empty()) {
    return Refuse(
        46010,
        "source with name " + source + " need to operate has existing tasks " + GoList(tasks),
        "Please `stop-task` first.");
  }
  const Json worker = (*document)["bounds"].value(source, "");
  for (const char* part : {"sources", "source_configs", "source_marks", "bounds", "relay"}) {
    (*document)[part].erase(source);
  }
  Json answer = BindSources(document);
  answer["worker"] = worker;
  return answer;
}

Json Transfer(const Json& command, Json* document) {
  const std::string source = command["name"];
  const std::string worker = command["worker"];
  if (!(*document)["sources"].contains(source)) {
    return Refuse(46008, "source config with ID " + source + " not exists");
  }
  if (!(*document)["workers"].contains(worker)) {
    return Refuse(46004, "dm-worker with name " + worker + " not exists");
  }
  if (SourceOf(*document, worker) == source) return Ok();
  if (const std::string stage = StageOf(*document, worker); stage != "free") {
    return Refuse(46006, "invalid stage transformation for dm-worker " + worker + ", from " +
                             stage + " to bound");
  }
  if (const auto tasks = TasksNotInSync(*document, source, command.value("now", std::int64_t{0}));
      !tasks.empty()) {
    return Refuse(46019,
                  "running tasks " + GoList(tasks) + " to be transferred on source " + source +
                      " should in sync unit",
                  "Please use `pause-task [-s source ...] task` to pause them first.");
  }
  Bind(source, worker, document);
  return BindSources(document);
}

}  // namespace

Json EmptyDocument() {
  return {{"term", 0},
          {"version", 0},
          {"cluster", ""},
          {"members", Json::array()},
          {"leases", Json::object()},
          {"campaign", Json::array()},
          {"workers", Json::object()},
          {"sources", Json::object()},
          {"bounds", Json::object()},
          {"topology", nullptr},
          {"source_configs", Json::object()},
          {"source_marks", Json::object()},
          {"tasks", Json::object()},
          {"checkpoints", Json::object()},
          {"relay", Json::object()},
          {"locks", Json::array()},
          {"knobs", Json::object()},
          {"done", Json::object()},
          {"kept", Json::object()}};
}

Json InitialDocument(const std::vector<std::pair<std::string, std::string>>& name_and_peer_url) {
  Json document = EmptyDocument();
  auto sorted = name_and_peer_url;
  std::sort(sorted.begin(), sorted.end());
  std::string all;
  for (const auto& [name, url] : sorted) {
    all += name + "=" + url + ",";
    document["members"].push_back({{"id", HashId(name + "=" + url)},
                                   {"name", name},
                                   {"peer_urls", {url}},
                                   {"client_urls", Json::array()}});
  }
  document["cluster"] = std::to_string(HashId(all));
  document["version"] = 1;
  return document;
}

Position PositionOf(const Json& document) { return {document["term"], document["version"]}; }

std::uint64_t RandomId() {
  thread_local std::mt19937_64 engine(std::random_device{}());
  return engine() | 1;
}

std::uint64_t HashId(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const unsigned char c : text) hash = (hash ^ c) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

const Json* FindMember(const Json& document, std::uint64_t id) {
  for (const Json& member : document["members"]) {
    if (member["id"] == id) return &member;
  }
  return nullptr;
}

const Json* FindMemberByName(const Json& document, const std::string& name) {
  for (const Json& member : document["members"]) {
    if (member["name"] == name) return &member;
  }
  return nullptr;
}

Json LeaderOf(const Json& document) {
  if (document["campaign"].empty()) return {{"name", ""}, {"addr", ""}, {"lease", ""}};
  return document["campaign"].front();
}

std::string SourceOf(const Json& document, const std::string& worker) {
  for (const auto& [source, bound] : document["bounds"].items()) {
    if (bound == worker) return source;
  }
  return "";
}

std::string StageOf(const Json& document, const std::string& worker) {
  const Json& workers = document["workers"];
  if (!workers.contains(worker) || workers[worker]["lease"] == "") return "offline";
  return SourceOf(document, worker).empty() ? "free" : "bound";
}

Json BindSources(Json* document) {
  Json& bounds = (*document)["bounds"];
  const Json before = bounds;
  for (const auto& [source, worker] : before.items()) {
    if (StageOf(*document, worker) != "bound") bounds.erase(source);
  }
  for (const auto& [source, unused] : (*document)["sources"].items()) {
    if (bounds.contains(source)) continue;
    const std::string worker = ChooseWorker(*document, source);
    if (!worker.empty()) Bind(source, worker, document);
  }
  return Ok();
}

bool NeedsBinding(const Json& document) {
  for (const auto& [source, worker] : document["bounds"].items()) {
    if (StageOf(document, worker) != "bound") return true;
  }
  for (const auto& [source, unused] : document["sources"].items()) {
    if (!document["bounds"].contains(source)) return !FreeWorkers(document).empty();
  }
  return false;
}

Json Apply(const Json& command, Json* document) {
  const std::string op = command["op"];
  if (op == "publish") return Publish(command, document);
  if (op == "add_member") return AddMember(command, document);
  if (op == "remove_member") return RemoveMember(command, document);
  if (op == "campaign") return Campaign(command, document);
  if (op == "resign") return Resign(command, document);
  if (op == "register_worker") return RegisterWorker(command, document);
  if (op == "worker_online") return WorkerOnline(command, document);
  if (op == "offline_worker") return OfflineWorker(command, document);
  if (op == "put_source") return PutSource(command, document);
  if (op == "delete_source") return DeleteSource(command, document);
  if (op == "transfer") return Transfer(command, document);
  if (op == "bind") return BindSources(document);
  if (op == "revoke") {
    DropLease(command["lease"], document);
    return Ok();
  }
  if (op == "topology") {
    (*document)["topology"] = command["topology"];
    return Ok();
  }
  return ApplyToTasks(command, document);
}

void CountDone(const Json& command, Json* document) {
  static const std::set<std::string> kCounted = {
      "put_source",      "delete_source", "transfer",
      "start_relay",     "stop_relay",    "purge_relay",
      "start_task",      "operate_task",  "handle_error",
      "set_schema",      "unlock",        "start_validation",
      "stop_validation", "cut_over",      "operate_validation_error"};
  const std::string op = command["op"];
  if (!kCounted.contains(op)) return;
  const std::string action = command.value("action", "");
  Json& count = (*document)["done"][action.empty() ? op : op + "/" + action];
  count = count.is_null() ? 1 : count.get<int>() + 1;
}

}  // namespace dmsim
