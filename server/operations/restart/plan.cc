#include "server/operations/restart/plan.h"

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"
#include "server/operations/plan/whole_stop.h"

namespace dmgr::operations {

using topology::Instance;

engine::Plan PlanRestart(const topology::Cluster& cluster,
                         const std::vector<const Instance*>& instances, std::uint32_t max_parallel,
                         bool spares_no_majority, bool accepts_load_restart) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RESTART, cluster);
  auto before = AddUnitSurveys(&plan, cluster, instances, {});
  TurnOptions options;
  options.max_parallel = max_parallel;
  options.spares_no_majority = spares_no_majority;
  options.accepts_load_restart = accepts_load_restart;
  AddTurns(&plan, instances, kRestart, "restart", std::move(before), options);
  return plan;
}

engine::Plan PlanRestartAtOnce(const topology::Cluster& cluster,
                               const std::vector<const Instance*>& instances) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RESTART, cluster);
  auto waves = StartWaves();
  auto before = AddUnitSurveys(&plan, cluster, instances, {});
  if (IsWhole(cluster, instances)) {
    before = AddWholeStop(&plan, cluster, instances, AfterStop::kStartsAgain, before);
  } else {
    std::reverse(waves.begin(), waves.end());
    before = AddWaves(&plan, cluster, instances, waves, kStopToStart, "stop", std::move(before));
    std::reverse(waves.begin(), waves.end());
  }
  before = AddWaves(&plan, cluster, instances, waves, kStart, "start", std::move(before));
  plan.steps.push_back(
      RecordStep("record", v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(before)));
  return plan;
}

}  // namespace dmgr::operations
