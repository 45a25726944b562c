#include "server/operations/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/operations/layout.h"
#include "server/operations/plan_parts.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

constexpr Component kMasters[] = {Component::kDmMaster};
constexpr Component kWorkers[] = {Component::kDmWorker};
constexpr Component kMonitoring[] = {Component::kPrometheus, Component::kAlertmanager,
                                     Component::kGrafana};

// Instances that are started together, and how the step ids call them.
struct Wave {
  std::string name;
  std::vector<Component> components;
};

std::vector<Wave> StartWaves() {
  return {{"dm-master", {std::begin(kMasters), std::end(kMasters)}},
          {"dm-worker", {std::begin(kWorkers), std::end(kWorkers)}},
          {"monitoring", {std::begin(kMonitoring), std::end(kMonitoring)}}};
}

bool IsIn(const std::vector<Component>& components, Component component) {
  for (Component c : components) {
    if (c == component) return true;
  }
  return false;
}

// The steps of one wave: one a machine, for its instances of the wave.
std::vector<engine::Step> WaveSteps(const topology::Cluster& cluster,
                                    const std::vector<const Instance*>& instances, const Wave& wave,
                                    const char* runner, const std::string& verb,
                                    const std::vector<std::string>& depends_on) {
  std::vector<const Instance*> members;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(members),
               [&](const Instance* i) { return IsIn(wave.components, i->component); });
  std::vector<engine::Step> steps;
  for (const auto& machine : cluster.MachineIds()) {
    const InstancesParams params = NamesOn(machine, members);
    if (params.instances.empty()) continue;
    auto step =
        HostStep(machine, verb + "/" + wave.name,
                 fmt::format("{} {}", verb, fmt::join(params.instances, ", ")), runner, depends_on);
    step.payload_json = ToJson(params);
    steps.push_back(std::move(step));
  }
  return steps;
}

// Appends a look at what runs, then one wave after another; returns the ids that what follows must
// wait for.
std::vector<std::string> AddWaves(engine::Plan* plan, const topology::Cluster& cluster,
                                  const std::vector<const Instance*>& instances,
                                  const std::vector<Wave>& waves, const char* runner,
                                  const std::string& verb, std::vector<std::string> before) {
  std::vector<engine::Step> surveys;
  for (const auto& machine : cluster.MachineIds()) {
    const InstancesParams params = NamesOn(machine, instances);
    if (params.instances.empty()) continue;
    surveys.push_back(HostStep(machine, kUnitsStep, "record what runs", kSurveyUnits, before));
    surveys.back().payload_json = ToJson(params);
    surveys.back().weight = 0.1;
  }
  if (!surveys.empty()) before = Ids(surveys);
  for (auto& step : surveys) plan->steps.push_back(std::move(step));
  for (const auto& wave : waves) {
    auto steps = WaveSteps(cluster, instances, wave, runner, verb, before);
    if (steps.empty()) continue;
    before = Ids(steps);
    for (auto& step : steps) plan->steps.push_back(std::move(step));
  }
  return before;
}

engine::Step RecordStep(bool whole, v1::ClusterState state, const std::string& title,
                        std::vector<std::string> depends_on) {
  auto step = ControlStep("record", title, kRecordState, std::move(depends_on));
  step.payload_json = ToJson(StateParams{whole ? v1::ClusterState_Name(state) : ""});
  return step;
}

template <typename F>
absl::Status Parse(const std::string& text, F read) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    read(json);
  } catch (const nlohmann::json::exception& e) {
    return Error(absl::StatusCode::kInternal, "STEP_UNREADABLE",
                 "the stored parameters of a step cannot be read: {}", e.what());
  }
  return absl::OkStatus();
}

}  // namespace

engine::Plan PlanDeploy(const topology::Cluster& cluster, const v1::Package& package) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DEPLOY, cluster);
  // Undone last: then nothing is left to remember.
  plan.steps.push_back(
      ControlStep("register", "record the cluster as being deployed", kRegister, {}));
  std::vector<engine::Step> surveys;
  for (const auto& machine : cluster.MachineIds()) {
    surveys.push_back(HostStep(machine, "survey", "record what is there", kSurvey, {"register"}));
    surveys.back().weight = 0.3;
    plan.steps.push_back(surveys.back());
  }
  // Nothing is changed anywhere before every host was surveyed.
  plan.steps.push_back(
      ControlStep("workspace", "unpack the package for the cluster", kWorkspace, Ids(surveys)));
  const auto installs = AddInstallSteps(&plan, cluster, package, /*named=*/false, {"workspace"});
  plan.steps.push_back(
      RecordStep(true, v1::CLUSTER_STATE_OFFLINE, "record the cluster as deployed", installs));
  return plan;
}

engine::Plan PlanStart(const topology::Cluster& cluster,
                       const std::vector<const Instance*>& instances, bool whole) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_START, cluster);
  auto last = AddWaves(&plan, cluster, instances, StartWaves(), kStart, "start", {});
  plan.steps.push_back(
      RecordStep(whole, v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(last)));
  return plan;
}

engine::Plan PlanStop(const topology::Cluster& cluster,
                      const std::vector<const Instance*>& instances, bool whole) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_STOP, cluster);
  auto waves = StartWaves();
  std::reverse(waves.begin(), waves.end());
  auto last = AddWaves(&plan, cluster, instances, waves, kStop, "stop", {});
  plan.steps.push_back(RecordStep(whole, v1::CLUSTER_STATE_OFFLINE, "record the cluster as stopped",
                                  std::move(last)));
  return plan;
}

engine::Plan PlanDestroy(const topology::Cluster& cluster,
                         const std::vector<std::string>& surveyed) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DESTROY, cluster);
  std::vector<const Instance*> instances;
  for (const auto& instance : cluster.instances) {
    for (const auto& machine : surveyed) {
      if (instance.machine_id == machine) instances.push_back(&instance);
    }
  }
  auto waves = StartWaves();
  std::reverse(waves.begin(), waves.end());
  auto mark = ControlStep("mark", "record the cluster as being destroyed", kRecordState, {});
  mark.payload_json = ToJson(StateParams{v1::ClusterState_Name(v1::CLUSTER_STATE_DESTROYING)});
  plan.steps.push_back(mark);
  const auto stopped = AddWaves(&plan, cluster, instances, waves, kStop, "stop", {mark.id});
  std::vector<std::string> removed = {mark.id};
  for (const auto& machine : surveyed) {
    auto remove = HostStep(machine, "remove", "remove what dmgr made", kRemove, stopped);
    remove.point_of_no_return = true;
    removed.push_back(remove.id);
    plan.steps.push_back(std::move(remove));
  }
  auto erase = ControlStep("erase", "forget the cluster", kErase, removed);
  erase.point_of_no_return = true;
  plan.steps.push_back(std::move(erase));
  return plan;
}

std::string ToJson(const ReleaseParams& params) {
  nlohmann::json json{{"component", params.component}};
  if (!params.instances.empty()) json["instances"] = params.instances;
  return json.dump();
}
std::string ToJson(const InstancesParams& params) {
  return nlohmann::json{{"instances", params.instances}}.dump();
}
std::string ToJson(const StateParams& params) {
  return nlohmann::json{{"state", params.state}}.dump();
}
std::string ToJson(const UnitsSeen& seen) { return nlohmann::json{{"active", seen.active}}.dump(); }
absl::Status FromJson(const std::string& json, ReleaseParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("component").get_to(params->component);
    params->instances = j.value("instances", std::vector<std::string>());
  });
}
absl::Status FromJson(const std::string& json, InstancesParams* params) {
  return Parse(json, [&](const auto& j) { j.at("instances").get_to(params->instances); });
}
absl::Status FromJson(const std::string& json, StateParams* params) {
  return Parse(json, [&](const auto& j) { j.at("state").get_to(params->state); });
}
absl::Status FromJson(const std::string& json, UnitsSeen* seen) {
  return Parse(json, [&](const auto& j) { j.at("active").get_to(seen->active); });
}

}  // namespace dmgr::operations
