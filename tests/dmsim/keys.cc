#include "keys.h"

#include <vector>

#include "configs.h"
#include "net.h"
#include "process.h"
#include "subtask.h"
#include "toml.h"

namespace dmsim {
namespace {

constexpr char kSources[] = "/dm-master/v2/upstream/config/";
constexpr char kSubtasks[] = "/dm-master/upstream/subtask/";
constexpr char kStages[] = "/dm-master/stage/subtask/";
constexpr char kValidators[] = "/dm-master/stage/validator/";
constexpr char kRelayStages[] = "/dm-master/v2/stage/relay/";
constexpr char kRelayWorkers[] = "/dm-master/relay-worker/";
constexpr char kLastBound[] = "/dm-master/last-bound-worker/";
constexpr char kBound[] = "/dm-master/bound-worker/";
constexpr char kRegistered[] = "/dm-worker/r/";

std::string Hex(const std::string& text) {
  static const char digits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char c : text) {
    hex += digits[c >> 4];
    hex += digits[c & 15];
  }
  return hex;
}

std::string Unhex(const std::string& hex) {
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return text;
}

// The names in a key after its prefix; empty when it has another one.
std::vector<std::string> NamesOf(const std::string& key, const std::string& prefix,
                                 std::size_t count) {
  std::vector<std::string> names;
  if (!key.starts_with(prefix)) return names;
  for (const std::string& part : Split(key.substr(prefix.size()), '/')) {
    if (part.find_first_not_of("0123456789abcdef") != part.npos) return {};
    names.push_back(Unhex(part));
  }
  if (names.size() != count) names.clear();
  return names;
}

using Keys = std::map<std::string, KeptKey>;

void AddSources(const Json& document, Keys* keys) {
  for (const auto& [name, source] : document["sources"].items()) {
    const Json marks = document["source_marks"].value(name, Json::array({1, 1}));
    Json config = FillSource(SourceConfigOf(document, name));
    const auto relay = document["relay"].find(name);
    const bool relays = relay != document["relay"].end();
    config["enable-relay"] = relays && (*relay)["bound"].get<bool>();
    (*keys)[kSources + Hex(name)] = {WriteToml(config), marks[0], marks[1]};
    if (!relays) continue;
    const Json stage = {{"expect", 2}, {"source", name}};
    (*keys)[kRelayStages + Hex(name)] = {stage.dump(), marks[1], marks[1]};
    for (const std::string worker : (*relay)["workers"]) {
      (*keys)[kRelayWorkers + Hex(worker)] = {name, marks[1], marks[1]};
    }
  }
}

void AddTasks(const Json& document, Keys* keys) {
  for (const auto& [name, task] : document["tasks"].items()) {
    const Json config = FillTask(task["config"]);
    for (const auto& [source, subtask] : task["subtasks"].items()) {
      const std::string names = Hex(source) + "/" + Hex(name);
      const std::uint64_t create = subtask["create"];
      (*keys)[kSubtasks + names] = {WriteToml(SubtaskConfig(config, source)), create, create};
      const std::string expect = subtask["expect"];
      const int number = expect == "Running" ? 2 : expect == "Paused" ? 3 : 4;
      const Json stage = {{"expect", number}, {"source", source}, {"task", name}};
      (*keys)[kStages + names] = {stage.dump(), create, subtask["mod"]};
      if (subtask["validation"].is_null()) continue;
      const Json validator = {
          {"expect", subtask["validation"]["stage"]}, {"source", source}, {"task", name}};
      (*keys)[kValidators + names] = {validator.dump(), create, subtask["mod"]};
    }
  }
}

void AddWorkers(const Json& document, Keys* keys) {
  for (const auto& [name, worker] : document["workers"].items()) {
    const Json info = {{"name", name}, {"addr", worker["addr"]}};
    (*keys)[kRegistered + Hex(name)] = {info.dump(), 1, 1};
    const Json last = {{"source", worker["last_source"]}, {"worker", name}};
    if (worker["last_source"] != "") (*keys)[kLastBound + Hex(name)] = {last.dump(), 1, 1};
    if (!SourceOf(document, name).empty()) (*keys)[kBound + Hex(name)] = {last.dump(), 1, 1};
  }
}

// Those parts of the document that kept keys change.
class Loader {
 public:
  explicit Loader(const Json& document) : document_(document) {
    for (const char* part : {"sources", "source_configs", "source_marks", "tasks", "relay"}) {
      parts_[part] = document[part];
    }
  }

  // False when it is a key of which no leader makes anything.
  bool Load(const std::string& key, const Json& kept) {
    if (const auto names = NamesOf(key, kSources, 1); !names.empty()) {
      LoadSource(names[0], kept);
    } else if (const auto pair = NamesOf(key, kSubtasks, 2); !pair.empty()) {
      LoadSubtask(pair[0], pair[1], kept);
    } else if (const auto staged = NamesOf(key, kStages, 2); !staged.empty()) {
      LoadStage(staged[0], staged[1], kept);
    } else if (const auto validated = NamesOf(key, kValidators, 2); !validated.empty()) {
      LoadValidator(validated[0], validated[1], kept);
    } else if (const auto worker = NamesOf(key, kRelayWorkers, 1); !worker.empty()) {
      LoadRelayWorker(worker[0], kept);
    } else {
      // Made anew by the processes, or said by another key.
      return key.starts_with(kRelayStages) || key.starts_with(kLastBound) ||
             key.starts_with(kBound) || key.starts_with(kRegistered);
    }
    return true;
  }

  Json TakeParts() { return std::move(parts_); }

 private:
  void LoadSource(const std::string& name, const Json& kept) {
    const Json config = kept.is_null() ? Json() : ParseToml(kept["value"]);
    if (!config.is_object() || config.value("source-id", "") != name) {
      for (const char* part : {"sources", "source_configs", "source_marks", "relay"}) {
        parts_[part].erase(name);
      }
      return;
    }
    parts_["sources"][name] = OpenApiOfSource(config);
    parts_["source_configs"][name] = config;
    parts_["source_marks"][name] = {kept["create"], kept["mod"]};
    if (config.value("enable-relay", false)) {
      parts_["relay"][name] = {{"bound", true}, {"workers", Json::array()}};
    }
  }

  void LoadSubtask(const std::string& source, const std::string& name, const Json& kept) {
    Json& tasks = parts_["tasks"];
    const Json config = kept.is_null() ? Json() : ParseToml(kept["value"]);
    if (tasks.contains(name)) {
      tasks[name]["subtasks"].erase(source);
      Json left = Json::array();
      for (const Json& instance : tasks[name]["config"]["mysql-instances"]) {
        if (instance.value("source-id", "") != source) left.push_back(instance);
      }
      tasks[name]["config"]["mysql-instances"] = std::move(left);
    }
    if (!config.is_object() || !config.contains("source-id")) {
      if (tasks.contains(name) && tasks[name]["subtasks"].empty()) tasks.erase(name);
      return;
    }
    Json& task = tasks[name];
    AddSubtaskConfig(config, &task["config"]);
    Json subtask = NewSubtask(document_);
    // Nothing runs whose stage is not there; what the target database knows is that it is in sync.
    subtask["expect"] = "Stopped";
    subtask["progress"] = FullMs(document_);
    subtask["create"] = kept["create"];
    subtask["mod"] = kept["mod"];
    task["subtasks"][source] = std::move(subtask);
  }

  Json* Find(const std::string& source, const std::string& name) {
    Json& tasks = parts_["tasks"];
    if (!tasks.contains(name) || !tasks[name]["subtasks"].contains(source)) return nullptr;
    return &tasks[name]["subtasks"][source];
  }

  void LoadStage(const std::string& source, const std::string& name, const Json& kept) {
    Json* subtask = Find(source, name);
    if (subtask == nullptr) return;
    const Json stage =
        kept.is_null() ? Json() : Json::parse(kept["value"].get<std::string>(), nullptr, false);
    const int expect = stage.is_object() ? stage.value("expect", 4) : 4;
    (*subtask)["expect"] = expect == 2 ? "Running" : expect == 3 ? "Paused" : "Stopped";
  }

  void LoadValidator(const std::string& source, const std::string& name, const Json& kept) {
    Json* subtask = Find(source, name);
    if (subtask == nullptr) return;
    (*subtask)["validation"] = nullptr;
    const Json stage =
        kept.is_null() ? Json() : Json::parse(kept["value"].get<std::string>(), nullptr, false);
    if (!stage.is_object()) return;
    (*subtask)["validation"] = {
        {"mode", "full"}, {"stage", stage.value("expect", 2)}, {"errors", Json::array()}};
  }

  void LoadRelayWorker(const std::string& worker, const Json& kept) {
    if (kept.is_null()) return;
    Json& relay = parts_["relay"][kept["value"].get<std::string>()];
    if (!relay.is_object()) relay = {{"bound", false}, {"workers", Json::array()}};
    relay["workers"].push_back(worker);
  }

  const Json& document_;
  Json parts_;
};

}  // namespace

Keys KeysOf(const Json& document) {
  Keys keys;
  keys["/dm-cluster/version"] = {Json{{"no", 4}, {"ver", ReleaseVersion()}}.dump(), 1, 1};
  AddSources(document, &keys);
  AddTasks(document, &keys);
  AddWorkers(document, &keys);
  for (const auto& [key, kept] : document["kept"].items()) {
    if (kept.is_null()) {
      keys.erase(key);
    } else {
      keys[key] = {kept["value"], kept["create"], kept["mod"]};
    }
  }
  return keys;
}

Json LoadOf(const Json& document) {
  Loader loader(document);
  Json keys = Json::array();
  // "/dm-master/stage/..." sorts before "/dm-master/upstream/...": what a stage is of comes first.
  for (const bool configurations : {true, false}) {
    for (const auto& [key, kept] : document["kept"].items()) {
      const bool is_configuration = key.starts_with(kSources) || key.starts_with(kSubtasks);
      if (is_configuration != configurations) continue;
      if (loader.Load(key, kept) || kept.is_null()) keys.push_back(key);
    }
  }
  if (keys.empty()) return nullptr;
  return {{"op", "load_kept"}, {"keys", keys}, {"parts", loader.TakeParts()}};
}

}  // namespace dmsim
