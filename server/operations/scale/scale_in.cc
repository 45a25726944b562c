#include <fmt/format.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/members/probe.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/lent.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/membership.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

Instances Of(Component component, const Instances& instances) {
  Instances found;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(found),
               [&](const Instance* i) { return i->component == component; });
  return found;
}

// next: a call that helps, about this cluster.
absl::Status Refused(const std::string& cluster, const char* reason, const std::string& why,
                     const std::string& remedy, v1::Action next = v1::ACTION_UNSPECIFIED) {
  Error error(absl::StatusCode::kFailedPrecondition, reason, "cluster {} cannot be scaled in: {}",
              cluster, why);
  error.With("cluster", cluster).Remedy(remedy);
  if (next != v1::ACTION_UNSPECIFIED) error.Next(next, {{"cluster_name", cluster}});
  return error;
}

// Whether what is left without these is a cluster.
absl::Status CheckRest(const topology::Cluster& cluster, const Instances& leaving) {
  const auto left = [&](Component component) {
    return cluster.Of(component).size() - Of(component, leaving).size();
  };
  if (left(Component::kDmMaster) == 0) {
    return Refused(cluster.name, "LAST_MASTER", "no dm-master would be left", "destroy it",
                   v1::ACTION_DESTROY_CLUSTER);
  }
  if (left(Component::kPrometheus) == 0 && left(Component::kGrafana) > 0) {
    return Refused(cluster.name, "GRAFANA_NEEDS_PROMETHEUS",
                   "Grafana shows what Prometheus collects, and no Prometheus would be left",
                   "take Grafana away with it");
  }
  return absl::OkStatus();
}

// The machines that cannot be reached; an error without force.
absl::StatusOr<std::set<std::string>> Unreachable(const Resources& resources,
                                                  const topology::Cluster& cluster, bool force) {
  const auto machines = cluster.MachineIds();
  const auto statuses = machines::InParallel(
      resources.threads, machines, [&](const std::string& machine) -> absl::Status {
        ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
        return machines::OpenReader(resources, access, absl::Now() + kAskTimeout).status();
      });
  std::set<std::string> unreachable;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (statuses[i].ok()) continue;
    if (!force) {
      return Refused(cluster.name, "HOST_UNREACHABLE",
                     fmt::format("machine {}: {}", machines[i], Message(statuses[i])),
                     "mend it; or with --force it is left as it is");
    }
    unreachable.insert(machines[i]);
  }
  return unreachable;
}

// Puts the dm-masters in order, and asks whether DM survives.
absl::Status CheckMembers(const Resources& resources, const topology::Cluster& cluster, bool force,
                          Instances* leaving) {
  const Instances masters = Of(Component::kDmMaster, *leaving);
  const Instances workers = Of(Component::kDmWorker, *leaving);
  if (masters.empty() && workers.empty()) return absl::OkStatus();
  const auto members = resources.members->GetMembers(cluster, absl::Now() + kAskTimeout, {});
  if (!members.ok()) {
    return Refused(cluster.name, "DM_NOT_HEALTHY",
                   fmt::format("without a majority of dm-masters DM lets nobody go: {}",
                               Message(members.status())),
                   "start the dm-masters", v1::ACTION_START_CLUSTER);
  }
  const Instances order = members::LeaveOrder(masters, *members);
  std::erase_if(*leaving, [](const Instance* i) { return i->component == Component::kDmMaster; });
  leaving->insert(leaving->end(), order.begin(), order.end());
  const std::string quorum = members::QuorumProblem(order, *members, force);
  if (!quorum.empty()) {
    return Refused(cluster.name, "DM_QUORUM", quorum, "see what is wrong with it",
                   v1::ACTION_GET_CLUSTER_STATUS);
  }
  const std::string sources = force ? "" : members::SourceProblem(workers, *members);
  if (sources.empty()) return absl::OkStatus();
  return Refused(cluster.name, "NO_FREE_WORKER", sources,
                 "add a dm-worker first; or with --force the source waits for one");
}

}  // namespace

absl::StatusOr<v1::Operation> ScaleInCluster(const Resources& resources,
                                             const v1::ScaleInClusterRequest& request,
                                             const Caller& caller) {
  ScaleIn scale;
  scale.force = request.force();
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.require = [&](const Subject& subject) -> absl::Status {
    if (request.selection().components().empty() && request.selection().nodes().empty()) {
      return clusters::InvalidTopology({{"selection", "must name the instances to take away"}});
    }
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    return CheckRest(subject.record.cluster, subject.instances);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const topology::Cluster& cluster = subject.record.cluster;
    scale.leaving = subject.instances;
    for (const auto* orphan : topology::OrphanExporters(cluster, subject.instances)) {
      scale.leaving.push_back(orphan);
    }
    ASSIGN_OR_RETURN(scale.unreachable, Unreachable(resources, cluster, scale.force));
    ASSIGN_OR_RETURN(scale.lent, LentExporters(resources, cluster.name));
    return CheckMembers(resources, cluster, scale.force, &scale.leaving);
  };
  rules.plan = [&](const Subject& subject) { return PlanScaleIn(subject.record.cluster, scale); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
