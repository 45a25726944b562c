#include "server/operations/import/plan.h"

#include <utility>
#include <vector>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {

engine::Plan PlanImport(const topology::Cluster& cluster) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_IMPORT, cluster);
  plan.steps.push_back(
      ControlStep("register", "record the cluster as being imported", kRegister, {}));
  plan.steps.back().done = true;
  std::vector<const topology::Instance*> instances;
  for (const auto& instance : cluster.instances) instances.push_back(&instance);
  const auto looks =
      AddEachMachine(&plan, cluster, instances,
                     {.what = kForeignLookStep, .title = "look for {} as TiUP has laid them"},
                     kLookAtForeign, {"register"});
  plan.steps.push_back(ControlStep(
      "members", "compare DM's members, and the versions of what runs, with the topology",
      kCheckForeign, looks));
  plan.steps.push_back(
      ControlStep("workspace", "unpack the package for the cluster", kWorkspace, {"members"}));
  plan.steps.push_back(ControlStep("record", "record the cluster as one that TiUP has laid",
                                   kRecordForeign, {"workspace"}));
  return plan;
}

engine::Plan PlanRelease(const topology::Cluster& cluster) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RELEASE, cluster);
  plan.steps.push_back(ControlStep("forget", "forget the cluster, and leave its hosts as they are",
                                   kForgetForeign, {}));
  plan.steps.back().point_of_no_return = true;
  return plan;
}

}  // namespace dmgr::operations
