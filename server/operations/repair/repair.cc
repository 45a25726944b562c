#include "server/operations/repair/repair.h"

#include <algorithm>

#include "server/operations/calls/change.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/repair/plan.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

bool AnyRuns(const topology::Cluster& cluster) {
  return std::any_of(cluster.instances.begin(), cluster.instances.end(),
                     [](const Instance& instance) { return instance.wanted_running; });
}

}  // namespace

absl::StatusOr<v1::Operation> RepairCluster(const Resources& resources,
                                            const v1::RepairClusterRequest& request,
                                            const Caller& caller) {
  HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_REPAIR_CLUSTER, request.cluster_name(), request.selection())};
  ChangeRules rules;
  rules.members_only = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) { return CanBeRepaired(resources, subject); };
  rules.require = [&](const Subject& subject) {
    hosts.needs_majority = AnyRuns(subject.record.cluster);
    return absl::OkStatus();
  };
  // A machine as a whole: what differs is put right for all that are on it.
  rules.plan = [](const Subject& subject) {
    return PlanRepair(subject.record.cluster, {.machines = MachinesOf(subject.instances),
                                               .spares_no_majority = LacksMaster(subject)});
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
