#include "server/operations/clean/plan.h"

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

bool BeginsAnew(const Instances& instances, const Clean& what) {
  return what.data && std::any_of(instances.begin(), instances.end(), [](const Instance* i) {
           return i->component == Component::kDmMaster;
         });
}

}  // namespace

Instances MustBeStopped(const topology::Cluster& cluster, const Instances& instances,
                        const Clean& what) {
  const bool all_of_dm = BeginsAnew(instances, what);
  Instances stopped;
  for (const auto& instance : cluster.instances) {
    const bool cleaned =
        std::find(instances.begin(), instances.end(), &instance) != instances.end();
    if (cleaned || (all_of_dm && instance.IsDm())) stopped.push_back(&instance);
  }
  return stopped;
}

engine::Plan PlanClean(const topology::Cluster& cluster, const Instances& instances,
                       const Clean& what) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_CLEAN, cluster);
  const auto checked =
      AddEachMachine(&plan, cluster, MustBeStopped(cluster, instances, what),
                     {.what = "stopped", .title = "see that none runs of {}"}, kCheckStopped, {});
  const auto cleaned = AddClean(&plan, cluster, instances, what, checked);
  if (BeginsAnew(instances, what)) {
    AddFounding(&plan, cluster, cluster.Of(Component::kDmMaster), cleaned);
  }
  return plan;
}

}  // namespace dmgr::operations
