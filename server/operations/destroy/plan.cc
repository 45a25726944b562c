#include "server/operations/destroy/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "dmgr/plan/v1/removal.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/units.h"
#include "server/operations/plan/whole_stop.h"

namespace dmgr::operations {

using topology::Instance;

engine::Plan PlanDestroy(const topology::Cluster& cluster, const Destroy& destroy) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DESTROY, cluster);
  std::vector<const Instance*> instances;
  for (const auto& instance : cluster.instances) {
    const bool here = destroy.removals.contains(instance.machine_id) &&
                      !destroy.lost.contains(instance.machine_id);
    if (here) instances.push_back(&instance);
  }
  const auto mark =
      RecordStep("mark", v1::CLUSTER_STATE_DESTROYING, "record the cluster as being destroyed", {});
  plan.steps.push_back(mark);
  const auto looked = AddUnitSurveys(&plan, cluster, instances, {mark.id});
  // All that was ever there stops.
  const auto stopped = AddWholeStop(&plan, cluster, instances, AfterStop::kStaysStopped, looked);
  std::vector<std::string> removed = {mark.id};
  for (const auto& [machine, words] : destroy.removals) {
    if (destroy.lost.contains(machine)) continue;
    auto remove = HostStep(machine, "remove", "remove " + words, kRemove, stopped);
    remove.point_of_no_return = true;
    removed.push_back(remove.id);
    plan.steps.push_back(std::move(remove));
  }
  auto erase = ControlStep("erase",
                           destroy.lost.empty()
                               ? "forget the cluster"
                               : fmt::format("forget the cluster, remember what stays on {}",
                                             fmt::join(destroy.lost, ", ")),
                           kErase, removed);
  pv1::EraseParams params;
  params.mutable_lost_machines()->Assign(destroy.lost.begin(), destroy.lost.end());
  erase.payload_json = StepJson(params);
  erase.point_of_no_return = true;
  plan.steps.push_back(std::move(erase));
  if (destroy.has_patches) AddFreePatches(&plan, {"erase"});
  return plan;
}

}  // namespace dmgr::operations
