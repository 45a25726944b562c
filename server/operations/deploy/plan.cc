#include "server/operations/deploy/plan.h"

#include <vector>

#include "server/operations/plan/parts.h"

namespace dmgr::operations {

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
      RecordStep("record", v1::CLUSTER_STATE_OFFLINE, "record the cluster as deployed", installs));
  return plan;
}

}  // namespace dmgr::operations
