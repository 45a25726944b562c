#include "server/operations/service/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/units.h"
#include "server/operations/plan/whole_stop.h"

namespace dmgr::operations {

using topology::Instance;

namespace {

// Says in the titles which parts of tasks pause with their dm-workers.
void NameTasks(const std::vector<pv1::SubtaskSeen>& running, engine::Plan* plan) {
  for (auto& step : plan->steps) {
    pv1::InstancesParams params;
    if (step.runner != kStop || !ReadStep(step.payload_json, &params).ok()) continue;
    std::vector<std::string> words;
    for (const auto& one : running) {
      const auto& names = params.instances();
      if (std::find(names.begin(), names.end(), one.worker()) == names.end()) continue;
      words.push_back(fmt::format("task {} of source {}", one.task(), one.source()));
    }
    if (!words.empty()) step.title += fmt::format(", which pauses {}", fmt::join(words, ", "));
  }
}

}  // namespace

engine::Plan PlanStart(const topology::Cluster& cluster,
                       const std::vector<const Instance*>& instances) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_START, cluster);
  auto last = AddUnitSurveys(&plan, cluster, instances, {});
  last = AddWaves(&plan, cluster, instances, StartWaves(), kStart, "start", std::move(last));
  plan.steps.push_back(
      RecordStep("record", v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(last)));
  return plan;
}

engine::Plan PlanStop(const topology::Cluster& cluster,
                      const std::vector<const Instance*>& instances, bool whole,
                      const std::vector<pv1::SubtaskSeen>& running) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_STOP, cluster);
  auto last = AddUnitSurveys(&plan, cluster, instances, {});
  if (IsWhole(cluster, instances)) {
    last = AddWholeStop(&plan, cluster, instances, AfterStop::kStaysStopped, last);
  } else {
    auto waves = StartWaves();
    std::reverse(waves.begin(), waves.end());
    last = AddWaves(&plan, cluster, instances, waves, kStop, "stop", std::move(last));
  }
  NameTasks(running, &plan);
  if (!whole) return plan;
  plan.steps.push_back(RecordStep("record", v1::CLUSTER_STATE_OFFLINE,
                                  "record the cluster as stopped", std::move(last)));
  return plan;
}

engine::Plan PlanEnable(const topology::Cluster& cluster,
                        const std::vector<const Instance*>& instances, bool enabled) {
  engine::Plan plan =
      NewPlan(enabled ? v1::OPERATION_KIND_ENABLE : v1::OPERATION_KIND_DISABLE, cluster);
  const auto surveyed = AddUnitSurveys(&plan, cluster, instances, {});
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, instances);
    if (params.instances().empty()) continue;
    auto step = HostStep(machine, enabled ? "enable" : "disable",
                         fmt::format("{} {} at boot", enabled ? "start" : "do not start",
                                     fmt::join(params.instances(), ", ")),
                         enabled ? kEnable : kDisable, surveyed);
    step.payload_json = StepJson(params);
    step.weight = 0.3;
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

}  // namespace dmgr::operations
