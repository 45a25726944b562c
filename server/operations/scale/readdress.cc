#include "server/operations/scale/readdress.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/checks.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/growth.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/plan.h"
#include "server/operations/steps/let_go.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

absl::Status WrongField(const char* field, const std::string& why, const std::string& text) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}", why)
      .Field(field, text);
}

bool IsThere(const Instance& instance, const topology::NewPlace& place) {
  const std::string& manage = place.manage_host.empty() ? place.host : place.manage_host;
  return instance.host == place.host && instance.manage_host == manage;
}

absl::Status CheckPlace(const topology::Cluster& cluster, const v1::MoveMachineRequest& request,
                        const topology::NewPlace& place) {
  const std::string& machine = request.from_machine_id();
  RETURN_IF_ERROR(RequireOn(cluster, machine, "from_machine_id"));
  const auto here = cluster.OnMachine(machine);
  if (std::ranges::all_of(here, [&](const Instance* one) { return IsThere(*one, place); })) {
    return WrongField(
        "to_machine_id",
        fmt::format("what is on machine {} is there already, at {}", machine, place.host),
        "must be another machine, or the machine must have another address than its "
        "instances");
  }
  if (!topology::IsHost(place.host)) {
    return WrongField("address",
                      fmt::format("{} is no address for machine {}", place.host, machine),
                      "must be a host name or an address by which others reach it");
  }
  for (const auto& other : cluster.instances) {
    if (other.machine_id == machine || other.host != place.host) continue;
    return WrongField("address",
                      fmt::format("{} is the address of machine {}", place.host, other.machine_id),
                      "must be an address of the machine itself");
  }
  return absl::OkStatus();
}

absl::Status CheckAnswers(const Subject& subject, const std::string& machine) {
  for (const auto& one : subject.left_out.machines) {
    if (one.machine_id() != machine) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
                 "machine {} does not answer: {}", machine, one.reason())
        .With("cluster", subject.record.cluster.name)
        .With("machine", machine)
        .Remedy("say where it is now, or mend it")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", machine}, {"host", ""}});
  }
  return absl::OkStatus();
}

// DM keeps its members by their addresses, and changes none without a majority.
absl::Status Refusal(const topology::Cluster& cluster, const std::string& machine,
                     const char* reason, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, reason,
               "in cluster {} what is on machine {} cannot get another address now: {}",
               cluster.name, machine, why)
      .With("cluster", cluster.name)
      .With("machine", machine)
      .Remedy(
          "give the host its former address back, beside the new one, until this is done; with "
          "fewer than three dm-masters add others first")
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster.name}})
      .Next(v1::ACTION_SCALE_OUT_CLUSTER, {{"cluster_name", cluster.name}});
}

// Puts the dm-masters in the order in which they leave, and asks whether DM goes along with it.
absl::Status CheckDm(const Resources& resources, const topology::Cluster& cluster,
                     Readdress* readdress) {
  const auto refuse = [&](const char* reason, const std::string& why) {
    return Refusal(cluster, readdress->machine_id, reason, why);
  };
  const auto listed = resources.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (!listed.ok()) return refuse("DM_NOT_HEALTHY", std::string(Message(listed.status())));
  const auto masters = members::OrderLeaving(*listed, &readdress->away.leaving);
  const std::string quorum = members::QuorumProblem(masters, *listed, /*force=*/false);
  if (!quorum.empty()) return refuse("DM_QUORUM", quorum);
  const std::string problem = members::JoinProblem(cluster, members::Without(*listed, masters));
  return problem.empty() ? absl::OkStatus() : refuse("DM_NOT_HEALTHY", problem);
}

// Whether the hosts that answer reach the new address, and each other.
absl::Status CheckHosts(const Resources& resources, const Subject& subject,
                        const store::ClusterRecord& wanted) {
  std::vector<const Instance*> there;
  const topology::Cluster reached = Reached(subject);
  for (const auto& instance : wanted.cluster.instances) {
    const bool answers = std::ranges::any_of(
        reached.instances, [&](const Instance& one) { return one.name == instance.name; });
    if (answers) there.push_back(&instance);
  }
  return PreflightStart(resources, wanted.cluster, there, clusters::Reach::kAll);
}

}  // namespace

absl::StatusOr<v1::Operation> ReaddressMachine(const Resources& resources,
                                               const v1::MoveMachineRequest& request,
                                               const Caller& caller) {
  Readdress readdress;
  readdress.away.accepts_load_restart = request.accept_load_restart();
  readdress.machine_id = request.from_machine_id();
  readdress.away.comes_back = true;
  store::ClusterRecord wanted;
  HostRules hosts = HostsAroundGrowth();
  hosts.accepts_load_restart = request.accept_load_restart();
  hosts.skipping = MakeNextAction(
      v1::ACTION_READDRESS_MACHINE,
      {{"cluster_name", request.cluster_name()}, {"from_machine_id", request.from_machine_id()}});
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    RETURN_IF_ERROR(RequireRunning(subject.record));
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    ASSIGN_OR_RETURN(readdress.place,
                     PlaceOn(resources, request.to_machine_id(), request.address()));
    RETURN_IF_ERROR(CheckPlace(subject.record.cluster, request, readdress.place));
    wanted = subject.record;
    topology::Readdress(readdress.machine_id, readdress.place, &wanted.cluster, &wanted.topology);
    return clusters::CheckRender(resources, wanted);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const topology::Cluster& cluster = subject.record.cluster;
    RETURN_IF_ERROR(CheckAnswers(subject, readdress.machine_id));
    readdress.away.leaving = cluster.OnMachine(readdress.machine_id);
    RETURN_IF_ERROR(CheckLoads(resources, hosts, cluster, readdress.away.leaving));
    for (const auto& machine : subject.left_out.machines) {
      readdress.away.unreachable.insert(machine.machine_id());
    }
    RETURN_IF_ERROR(CheckHosts(resources, subject, wanted));
    return CheckDm(resources, cluster, &readdress);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanReaddress(subject.record.cluster, readdress);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
