#include "server/operations/reload/plan.h"

#include <fmt/format.h>

#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Instances = std::vector<const Instance*>;

// One step a machine for its instances among these; returns the ids.
std::vector<std::string> AddByMachine(engine::Plan* plan, const topology::Cluster& cluster,
                                      const Instances& instances, const char* what,
                                      const std::string& title, const char* runner,
                                      const std::string& etag,
                                      const std::vector<std::string>& before) {
  std::vector<std::string> ids;
  for (const auto& machine : cluster.MachineIds()) {
    const auto names = NamesOn(machine, instances).instances;
    if (names.empty()) continue;
    auto step = HostStep(machine, what, title, runner, before);
    step.payload_json = ToJson(ReloadParams{names, etag});
    step.weight = 0.3;
    ids.push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
  return ids.empty() ? before : ids;
}

// Those whose programs come with one that looks at their files.
Instances Checked(const Instances& instances) {
  Instances checked;
  for (const auto* instance : instances) {
    if (!components::TraitsOf(instance->component).checker.program.empty()) {
      checked.push_back(instance);
    }
  }
  return checked;
}

// Every turn also knows what it is planned from.
void AddEtag(engine::Plan* plan, const std::string& etag) {
  for (auto& step : plan->steps) {
    if (step.runner != kReload) continue;
    auto json = nlohmann::json::parse(step.payload_json);
    json["etag"] = etag;
    step.payload_json = json.dump();
  }
}

std::string RecordTitle(const Reload& reload) {
  return reload.differing.empty() ? "nothing to reload: all files are as they should be"
                                  : "record the configuration";
}

}  // namespace

engine::Plan PlanReload(const topology::Cluster& cluster, const Reload& reload) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RELOAD, cluster);
  std::vector<std::string> before;
  if (!reload.differing.empty()) {
    before = AddByMachine(&plan, cluster, reload.differing, kFilesStep, "record the files there",
                          kSurveyFiles, reload.etag, {});
    before = AddByMachine(&plan, cluster, Checked(reload.differing), "check", "check the new files",
                          kCheckFiles, reload.etag, before);
    if (reload.running) {
      before = AddUnitSurveys(&plan, cluster, reload.differing, before);
      TurnOptions options;
      options.max_parallel = reload.max_parallel;
      before = AddTurns(&plan, reload.differing, kReload, "reload", std::move(before), options);
      AddEtag(&plan, reload.etag);
    } else {
      before = AddByMachine(&plan, cluster, reload.differing, "write", "write the new files",
                            kReloadStopped, reload.etag, before);
    }
  }
  std::vector<std::string> names;
  for (const auto* instance : reload.selected) names.push_back(instance->name);
  auto record = ControlStep("record", RecordTitle(reload), kRecordConfig, std::move(before));
  record.payload_json = ToJson(ReloadParams{names, reload.etag});
  record.point_of_no_return = true;
  plan.steps.push_back(std::move(record));
  return plan;
}

std::string ToJson(const ReloadParams& params) {
  return nlohmann::json{{"instances", params.instances}, {"etag", params.etag}}.dump();
}

std::string ToJson(const FilesSeen& seen) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& one : seen.instances) {
    list.push_back(
        {{"name", one.name}, {"restore", one.restore}, {"is_reloadable", one.is_reloadable}});
  }
  return nlohmann::json{{"files", std::move(list)}}.dump();
}

absl::Status FromJson(const std::string& json, ReloadParams* params) {
  return Parse(json, [&](const auto& j) {
    params->instances = j.value("instances", std::vector<std::string>());
    j.at("etag").get_to(params->etag);
  });
}

absl::Status FromJson(const std::string& json, FilesSeen* seen) {
  return Parse(json, [&](const auto& j) {
    for (const auto& one : j.at("files")) {
      seen->instances.push_back({one.at("name").template get<std::string>(),
                                 one.at("restore").template get<std::string>(),
                                 one.at("is_reloadable").template get<bool>()});
    }
  });
}

}  // namespace dmgr::operations
