#include "server/operations/repair/repair.h"

#include <algorithm>
#include <set>

#include "server/clusters/record.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/half_done.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/repair/plan.h"
#include "server/verify/verify.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

bool AnyRuns(const topology::Cluster& cluster) {
  return std::any_of(cluster.instances.begin(), cluster.instances.end(),
                     [](const Instance& instance) { return instance.wanted_running; });
}

// What differs on these machines, and what belongs to none. As of now, with whoever has not joined.
absl::StatusOr<std::vector<v1::Difference>> DifferencesOn(const Resources& resources,
                                                          const std::string& cluster,
                                                          const std::set<std::string>& machines) {
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, cluster));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  std::set<std::string> others;
  for (const auto& machine : record.cluster.MachineIds()) {
    if (!machines.contains(machine)) others.insert(machine);
  }
  ASSIGN_OR_RETURN(auto differences, verify::DifferencesOf(resources, record, others));
  std::erase_if(differences, [&](const v1::Difference& one) {
    return !one.machine_id().empty() && !machines.contains(one.machine_id());
  });
  return differences;
}

// What has to be done, in which steps.
absl::Status Look(const Resources& resources, const Subject& subject, Repair* repair) {
  const auto selected = MachinesOf(subject.instances);
  const std::set<std::string> machines(selected.begin(), selected.end());
  ASSIGN_OR_RETURN(repair->differences,
                   DifferencesOn(resources, subject.record.cluster.name, machines));
  ASSIGN_OR_RETURN(auto half_done, FindHalfDone(resources, subject.record));
  repair->owed = std::move(half_done.owed);
  // A look from outside does not tell all of these.
  std::set<std::string> whole = std::move(half_done.machines);
  for (const auto& behind : subject.record.behind) whole.insert(behind.machine_id());
  for (const auto& one : repair->differences) {
    if (one.kind() == v1::DIFFERENCE_KIND_HOST_UNREACHABLE) whole.insert(one.machine_id());
  }
  std::ranges::copy_if(selected, std::back_inserter(repair->machines),
                       [&](const std::string& machine) { return whole.contains(machine); });
  return absl::OkStatus();
}

// Instances that run and of which something is put right, which may take a restart.
std::vector<const Instance*> ThoseToRestart(const topology::Cluster& cluster,
                                            const std::vector<v1::Difference>& differences) {
  std::vector<const Instance*> found;
  for (const auto& instance : cluster.instances) {
    const bool differs = std::ranges::any_of(differences, [&](const v1::Difference& one) {
      return one.instance_name() == instance.name && one.repairable();
    });
    if (differs && instance.wanted_running) found.push_back(&instance);
  }
  return found;
}

}  // namespace

absl::StatusOr<v1::Operation> RepairCluster(const Resources& resources,
                                            const v1::RepairClusterRequest& request,
                                            const Caller& caller) {
  Repair repair;
  HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_REPAIR_CLUSTER, request.cluster_name(), request.selection()),
      .accepts_load_restart = request.accept_load_restart()};
  ChangeRules rules;
  rules.members_only = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) { return CanBeRepaired(resources, subject); };
  rules.require = [&](const Subject& subject) {
    hosts.needs_majority = AnyRuns(subject.record.cluster);
    return absl::OkStatus();
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(Look(resources, subject, &repair));
    return CheckLoads(resources, hosts, subject.record.cluster,
                      ThoseToRestart(subject.record.cluster, repair.differences));
  };
  rules.plan = [&](const Subject& subject) {
    repair.spares_no_majority = LacksMaster(subject);
    repair.accepts_load_restart = request.accept_load_restart();
    return PlanRepair(subject.record.cluster, repair);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
