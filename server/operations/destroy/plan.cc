#include "server/operations/destroy/plan.h"

#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/units.h"
#include "server/operations/plan/whole_stop.h"

namespace dmgr::operations {

using topology::Instance;

engine::Plan PlanDestroy(const topology::Cluster& cluster, const std::vector<std::string>& surveyed,
                         bool has_patches, const std::set<std::string>& lent) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DESTROY, cluster);
  std::vector<const Instance*> instances;
  for (const auto& instance : cluster.instances) {
    for (const auto& machine : surveyed) {
      if (instance.machine_id == machine && !lent.contains(instance.name)) {
        instances.push_back(&instance);
      }
    }
  }
  const auto mark =
      RecordStep("mark", v1::CLUSTER_STATE_DESTROYING, "record the cluster as being destroyed", {});
  plan.steps.push_back(mark);
  const auto looked = AddUnitSurveys(&plan, cluster, instances, {mark.id});
  // All that was ever there stops.
  const auto stopped = AddWholeStop(&plan, cluster, instances, AfterStop::kStaysStopped, looked);
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

}  // namespace dmgr::operations
