#include "server/operations/plan/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/clusters/placement.h"
#include "server/operations/patch/plan.h"
#include "server/operations/plan/parts.h"

namespace dmgr::operations {

using topology::Instance;

engine::Plan PlanDeploy(const topology::Cluster& cluster, const v1::Package& package) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DEPLOY, cluster);
  // Undone last: then nothing is left to remember.
  plan.steps.push_back(
      ControlStep("register", "record the cluster as being deployed", kRegister, {}));
  plan.steps.back().done = true;
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
      RecordStep(v1::CLUSTER_STATE_OFFLINE, "record the cluster as deployed", installs));
  return plan;
}

engine::Plan PlanStart(const topology::Cluster& cluster,
                       const std::vector<const Instance*>& instances) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_START, cluster);
  auto last = AddUnitSurveys(&plan, cluster, instances, {});
  last = AddWaves(&plan, cluster, instances, StartWaves(), kStart, "start", std::move(last));
  plan.steps.push_back(
      RecordStep(v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(last)));
  return plan;
}

engine::Plan PlanStop(const topology::Cluster& cluster,
                      const std::vector<const Instance*>& instances, bool whole) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_STOP, cluster);
  auto waves = StartWaves();
  std::reverse(waves.begin(), waves.end());
  auto last = AddUnitSurveys(&plan, cluster, instances, {});
  last = AddWaves(&plan, cluster, instances, waves, kStop, "stop", std::move(last));
  if (!whole) return plan;
  plan.steps.push_back(
      RecordStep(v1::CLUSTER_STATE_OFFLINE, "record the cluster as stopped", std::move(last)));
  return plan;
}

engine::Plan PlanEnable(const topology::Cluster& cluster,
                        const std::vector<const Instance*>& instances, bool enabled) {
  engine::Plan plan =
      NewPlan(enabled ? v1::OPERATION_KIND_ENABLE : v1::OPERATION_KIND_DISABLE, cluster);
  const auto surveyed = AddUnitSurveys(&plan, cluster, instances, {});
  for (const auto& machine : cluster.MachineIds()) {
    const InstancesParams params = NamesOn(machine, instances);
    if (params.instances.empty()) continue;
    auto step = HostStep(machine, enabled ? "enable" : "disable",
                         fmt::format("{} {} at boot", enabled ? "start" : "do not start",
                                     fmt::join(params.instances, ", ")),
                         enabled ? kEnable : kDisable, surveyed);
    step.payload_json = ToJson(params);
    step.weight = 0.3;
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

engine::Plan PlanDestroy(const topology::Cluster& cluster, const std::vector<std::string>& surveyed,
                         bool has_patches) {
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
  const auto looked = AddUnitSurveys(&plan, cluster, instances, {mark.id});
  const auto stopped = AddWaves(&plan, cluster, instances, waves, kStop, "stop", looked);
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
  if (has_patches) AddFreePatches(&plan, {"erase"});
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
std::string ToJson(const UnitsSeen& seen) {
  return nlohmann::json{{"active", seen.active}, {"enabled", seen.enabled}}.dump();
}
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
  return Parse(json, [&](const auto& j) {
    j.at("active").get_to(seen->active);
    // Not in records of before it was looked at.
    seen->enabled = j.value("enabled", seen->enabled);
  });
}

}  // namespace dmgr::operations
