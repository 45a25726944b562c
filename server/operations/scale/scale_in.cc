#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/record.h"
#include "server/members/probe.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/lent.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/calls/unreachable.h"
#include "server/operations/plan/left_out.h"
#include "server/operations/scale/membership.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/steps/let_go.h"
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

// The same call, whatever becomes of what these had.
v1::NextAction ByForce(const std::string& cluster, const Instances& leaving) {
  std::vector<std::string> names;
  for (const auto* instance : leaving) names.push_back(instance->name);
  return MakeNextAction(v1::ACTION_SCALE_IN_CLUSTER,
                        {{"cluster_name", cluster},
                         {"selection.nodes", fmt::format("{}", fmt::join(names, ","))},
                         {"force", "true"}});
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

// Finds the machines that cannot be reached. Those of leaving instances are left as they are, with
// force; the others are behind.
absl::Status LookForMachines(const Resources& resources, const topology::Cluster& cluster,
                             ScaleIn* scale, LeftOut* left_out) {
  std::vector<std::string> leaving;
  for (const auto* instance : scale->leaving) leaving.push_back(instance->name);
  const topology::Cluster rest = topology::Without(cluster, leaving);
  const auto concerned = MachinesOf(scale->leaving);
  for (const auto& [id, why] : FindUnreachable(resources, cluster.MachineIds())) {
    if (!scale->force && std::find(concerned.begin(), concerned.end(), id) != concerned.end()) {
      return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
                   "cluster {} cannot be scaled in: machine {}: {}", cluster.name, id, Message(why))
          .With("cluster", cluster.name)
          .With("machine", id)
          .Remedy(
              "mend it; or by force it is left as it is; or another machine takes over all that "
              "it had")
          .Next(ByForce(cluster.name, scale->leaving))
          .Next(v1::ACTION_MOVE_MACHINE,
                {{"cluster_name", cluster.name}, {"from_machine_id", id}, {"force", "true"}});
    }
    scale->unreachable.insert(id);
    if (!rest.OnMachine(id).empty()) left_out->machines.push_back(Skipped(id, why));
  }
  return absl::OkStatus();
}

// DM does not answer: whether starting what can be reached would help.
absl::Status NoMajority(const store::ClusterRecord& record, const ScaleIn& scale,
                        const absl::Status& why) {
  const auto masters = topology::MembersOf(record.cluster).Of(Component::kDmMaster);
  const auto reached = static_cast<std::size_t>(std::count_if(
      masters.begin(), masters.end(),
      [&](const Instance* master) { return !scale.unreachable.contains(master->machine_id); }));
  const std::string& name = record.cluster.name;
  Error error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
              "cluster {} cannot be scaled in: without a majority of dm-masters DM lets nobody go: "
              "{}",
              name, Message(why));
  error.With("cluster", name);
  if (reached < masters.size() / 2 + 1) {
    return error
        .Remedy(fmt::format(
            "only {} of its {} dm-masters are on hosts that answer: bring one of the others back; "
            "if they are lost for good, rebuild the cluster from a copy with other machines in "
            "their place",
            reached, masters.size()))
        .Next(v1::ACTION_REBUILD_CLUSTER, {{"cluster_name", name}});
  }
  if (scale.unreachable.empty()) {
    return error.Remedy(members::UnlessElecting("start the dm-masters"))
        .Next(v1::ACTION_START_CLUSTER, {{"cluster_name", name}});
  }
  return error.Remedy(members::UnlessElecting("start what can be reached, then repeat the call"))
      .Next(Skipping(v1::ACTION_START_CLUSTER, name));
}

// Puts the dm-masters in order, and asks whether DM survives.
absl::Status CheckMembers(const Resources& resources, const store::ClusterRecord& record,
                          ScaleIn* scale) {
  const topology::Cluster& cluster = record.cluster;
  const bool force = scale->force;
  Instances* leaving = &scale->leaving;
  const Instances masters = Of(Component::kDmMaster, *leaving);
  const Instances workers = Of(Component::kDmWorker, *leaving);
  if (masters.empty() && workers.empty()) return absl::OkStatus();
  const auto members = resources.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (!members.ok()) return NoMajority(record, *scale, members.status());
  const Instances order = members::OrderLeaving(*members, leaving);
  const std::string quorum = members::QuorumProblem(order, *members, force);
  if (!quorum.empty()) {
    return Refused(cluster.name, "DM_QUORUM", quorum, "see what is wrong with it",
                   v1::ACTION_GET_CLUSTER_STATUS);
  }
  const std::string sources = force ? "" : members::SourceProblem(workers, *members);
  if (sources.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NO_FREE_WORKER",
               "cluster {} cannot be scaled in: {}", cluster.name, sources)
      .With("cluster", cluster.name)
      .Remedy("add a dm-worker first; or by force the source waits for one")
      .Next(v1::ACTION_SCALE_OUT_CLUSTER, {{"cluster_name", cluster.name}})
      .Next(ByForce(cluster.name, *leaving));
}

}  // namespace

absl::StatusOr<v1::Operation> ScaleInCluster(const Resources& resources,
                                             const v1::ScaleInClusterRequest& request,
                                             const Caller& caller) {
  ScaleIn scale;
  scale.force = request.force();
  scale.accepts_load_restart = request.accept_load_restart();
  LeftOut left_out;
  ChangeRules rules;
  // Also what the host of an instance that was added, taken away or moved left half done by dying.
  rules.supersedes = [&](const Subject& subject) {
    return scale.force && IsHeldBy(resources, subject,
                                   {v1::OPERATION_KIND_SCALE_OUT, v1::OPERATION_KIND_SCALE_IN,
                                    v1::OPERATION_KIND_MOVE_MACHINE});
  };
  rules.selection = &request.selection();
  rules.require = [&](const Subject& subject) -> absl::Status {
    if (request.selection().components().empty() && request.selection().nodes().empty()) {
      return clusters::InvalidTopology({{"selection", "must name the instances to take away"}});
    }
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    return CheckRest(subject.record.cluster, subject.instances);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    scale.leaving = subject.instances;
    for (const auto* orphan :
         topology::OrphanExporters(subject.record.cluster, subject.instances)) {
      scale.leaving.push_back(orphan);
    }
    ASSIGN_OR_RETURN(scale.lent, LentExporters(resources, subject.record.cluster.name));
    RETURN_IF_ERROR(LookForMachines(resources, subject.record.cluster, &scale, &left_out));
    RETURN_IF_ERROR(CheckMembers(resources, subject.record, &scale));
    if (scale.accepts_load_restart) return absl::OkStatus();
    const auto& nodes = request.selection().nodes();
    return RequireNoLoad(resources, subject.record.cluster, subject.instances,
                         MakeNextAction(v1::ACTION_SCALE_IN_CLUSTER,
                                        {{"cluster_name", request.cluster_name()},
                                         {"selection.nodes", nodes.empty() ? "" : nodes.at(0)}}));
  };
  rules.plan = [&](const Subject& subject) {
    engine::Plan plan = PlanScaleIn(subject.record.cluster, scale);
    AddLeftOut(&plan, left_out);
    return plan;
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
