#include "subtask.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace dmsim {
namespace {

constexpr std::int64_t kDumpMs = 300;
constexpr std::int64_t kLoadMs = 700;
constexpr std::int64_t kCatchUp = 10;  // times as fast as the source writes

std::string BoundWorker(const Json& document, const std::string& source) {
  const std::string worker = document["bounds"].value(source, "");
  return !worker.empty() && StageOf(document, worker) == "bound" ? worker : "";
}

bool HasFailed(const Json& subtask, std::int64_t now) {
  const Json& error = subtask["error"];
  if (error.is_null()) return false;
  const std::int64_t since = subtask["since"];
  return since == 0 || now >= since + error.value("after", std::int64_t{0});
}

std::int64_t RunTime(const Json& subtask, std::int64_t now) {
  const std::int64_t since = subtask["since"];
  return subtask["progress"].get<std::int64_t>() +
         (since == 0 ? 0 : std::max<std::int64_t>(now - since, 0));
}

// What was written while it stood still is read when it runs again.
std::int64_t BehindOf(const Json& subtask, std::int64_t now) {
  const std::int64_t since = subtask["since"];
  const std::int64_t stopped = subtask["stopped"];
  if (stopped == 0) return 0;
  if (since == 0) return now - stopped;
  return std::max<std::int64_t>(since - stopped - kCatchUp * (now - since), 0);
}

}  // namespace

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t KnobOf(const Json& document, const std::string& name, std::int64_t fallback) {
  if (const auto knobs = document.find("knobs"); knobs != document.end()) {
    if (knobs->contains(name)) return knobs->at(name);
  }
  std::string variable = "DMSIM_" + name;
  for (char& c : variable) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const char* value = std::getenv(variable.c_str());
  return value == nullptr || *value == '\0' ? fallback : std::atoll(value);
}

std::int64_t DumpMs(const Json& document) { return KnobOf(document, "dump_ms", kDumpMs); }

std::int64_t FullMs(const Json& document) {
  return DumpMs(document) + KnobOf(document, "load_ms", kLoadMs);
}

const char* NameOf(Stage stage) {
  switch (stage) {
    case Stage::kNew:
      return "New";
    case Stage::kRunning:
      return "Running";
    case Stage::kPaused:
      return "Paused";
    case Stage::kStopped:
      return "Stopped";
    case Stage::kFinished:
      return "Finished";
  }
  return "";
}

const char* NameOf(Unit unit) {
  if (unit == Unit::kDump) return "Dump";
  return unit == Unit::kLoad ? "Load" : "Sync";
}

Place PlaceOf(const Json& document, const Json& task, const Json& subtask, std::int64_t now) {
  Place place;
  const std::string mode = task["config"].value("task-mode", "all");
  const double dump = static_cast<double>(DumpMs(document));
  const double full = mode == "incremental" ? 0 : static_cast<double>(FullMs(document));
  const auto ran = static_cast<double>(RunTime(subtask, now));
  if (mode != "incremental" && ran < dump) {
    place.part = ran / dump;
  } else if (mode != "incremental" && (ran < full || mode == "full")) {
    place.unit = Unit::kLoad;
    place.part = full > dump ? std::min((ran - dump) / (full - dump), 1.0) : 1.0;
  } else {
    place.unit = Unit::kSync;
    place.sync_ms = static_cast<std::int64_t>(ran - full);
    place.behind_ms = std::max(BehindOf(subtask, now), 1000 * KnobOf(document, "lag_seconds", 0));
  }
  const std::string expect = subtask["expect"];
  place.failed = expect == "Running" && HasFailed(subtask, now);
  const bool finished = mode == "full" && ran >= full && !place.failed;
  if (finished) {
    place.stage = Stage::kFinished;
  } else if (expect == "Stopped") {
    place.stage = Stage::kStopped;
  } else {
    place.stage = expect == "Paused" || place.failed ? Stage::kPaused : Stage::kRunning;
  }
  return place;
}

Json NewSubtask(const Json& document) {
  const std::uint64_t revision = document["version"].get<std::uint64_t>() + 1;
  return {{"expect", "Running"},   {"progress", 0},      {"since", 0},
          {"stopped", 0},          {"worker", ""},       {"error", nullptr},
          {"validation", nullptr}, {"create", revision}, {"mod", revision}};
}

void SettleSubtasks(std::int64_t now, Json* document) {
  if (!document->contains("tasks")) return;
  const Json& view = *document;
  for (const auto& [name, task] : (*document)["tasks"].items()) {
    for (auto& [source, subtask] : task["subtasks"].items()) {
      const std::string worker = BoundWorker(view, source);
      const bool runs =
          subtask["expect"] == "Running" && !worker.empty() && !HasFailed(subtask, now);
      const bool moved = !worker.empty() && subtask["worker"] != worker;
      const std::int64_t since = subtask["since"];
      if (since != 0 && (!runs || moved)) {
        subtask["progress"] = RunTime(subtask, now);
        subtask["since"] = 0;
        subtask["stopped"] = now;
      }
      if (!runs || subtask["since"] != 0) continue;
      const Place place = PlaceOf(view, task, subtask, now);
      if (place.stage == Stage::kFinished) continue;
      // A dump begins anew; what was loaded from one worker's files is of no use to another.
      const bool again = place.unit == Unit::kDump || (place.unit == Unit::kLoad && moved);
      if (again) subtask["progress"] = 0;
      subtask["since"] = now;
      subtask["worker"] = worker;
    }
  }
}

}  // namespace dmsim
