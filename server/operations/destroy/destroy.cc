#include "server/operations/destroy/destroy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/host_before.h"
#include "server/clusters/removal.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/unreachable.h"
#include "server/operations/destroy/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {

namespace {

absl::StatusOr<Destroy> LoadDestroy(const Resources& resources,
                                    const store::ClusterRecord& record) {
  const topology::Cluster& cluster = record.cluster;
  std::vector<store::HostRecord> hosts;
  Destroy destroy;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(hosts, store::ListHostRecords(tx, cluster.name));
    ASSIGN_OR_RETURN(const auto roles, store::ListRolePatches(tx, cluster.name));
    destroy.has_patches =
        !roles.empty() || std::any_of(cluster.instances.begin(), cluster.instances.end(),
                                      [](const auto& i) { return !i.patch.empty(); });
    return absl::OkStatus();
  }));
  for (const auto& host : hosts) {
    ASSIGN_OR_RETURN(const auto before, clusters::HostBeforeFromJson(host.before_json));
    destroy.removals[host.machine_id] =
        clusters::WordsOf(clusters::RemovalOf(cluster, host.machine_id, before, record.public_key));
  }
  return destroy;
}

// Looks for hosts that do not answer, before anything is changed.
absl::Status LookForLost(const Resources& resources, const std::string& cluster, bool force,
                         Destroy* destroy) {
  std::vector<std::string> machines;
  for (const auto& [machine, words] : destroy->removals) machines.push_back(machine);
  const UnreachableMachines unreachable = FindUnreachable(resources, machines);
  for (const auto& [machine, why] : unreachable) destroy->lost.insert(machine);
  if (unreachable.empty() || force) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_NOT_READY",
               "cluster {} cannot be destroyed: {}", cluster, WordsOf(unreachable))
      .With("cluster", cluster)
      .Remedy("mend it; or by force what cannot be reached stays there, and is remembered")
      .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", cluster}, {"force", "true"}});
}

}  // namespace

absl::StatusOr<v1::Operation> DestroyCluster(const Resources& resources,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller) {
  Destroy destroy;
  ChangeRules rules;
  rules.in_any_state = true;
  rules.supersedes = [](const Subject&) { return true; };
  rules.look = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(destroy, LoadDestroy(resources, subject.record));
    return LookForLost(resources, subject.record.cluster.name, request.force(), &destroy);
  };
  rules.plan = [&](const Subject& subject) { return PlanDestroy(subject.record.cluster, destroy); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
