#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/growth.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/readdress.h"
#include "server/operations/scale/scale.h"
#include "server/operations/steps/let_go.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using MoveRequest = v1::MoveMachineRequest;

// Says which machines do not answer; the old one may, by force.
absl::Status CheckOldHost(const Subject& subject, const MoveRequest& request, Move* move) {
  for (const auto& machine : subject.left_out.machines) {
    move->away.unreachable.insert(machine.machine_id());
    if (machine.machine_id() != request.from_machine_id()) continue;
    move->away.force = true;
    if (request.force()) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
                 "machine {} does not answer: {}", machine.machine_id(), machine.reason())
        .With("cluster", subject.record.cluster.name)
        .With("machine", machine.machine_id())
        .Remedy(
            "mend it; or by force what is on it is given up, and remembered until the "
            "machine is cleaned")
        .Next(v1::ACTION_MOVE_MACHINE, {{"cluster_name", subject.record.cluster.name},
                                        {"from_machine_id", machine.machine_id()},
                                        {"to_machine_id", request.to_machine_id()},
                                        {"force", "true"}});
  }
  return absl::OkStatus();
}

// Puts the dm-masters in the order in which they leave, and asks whether DM goes along with it.
absl::Status CheckCanMove(const Resources& resources, const topology::Cluster& cluster,
                          Move* move) {
  const auto listed = resources.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (!listed.ok()) return NotReady(cluster.name, std::string(Message(listed.status())));
  const auto masters = members::OrderLeaving(*listed, &move->away.leaving);
  if (masters.empty()) {
    return listed->leader_name.empty() ? NotReady(cluster.name, "it has no leader")
                                       : absl::OkStatus();
  }
  move->masters_leave_first = std::ranges::any_of(masters, [&](const Instance* master) {
    const dm::Master* one = listed->FindMaster(master->name);
    return one == nullptr || !one->alive;
  });
  std::string problem;
  if (move->masters_leave_first) {
    problem = members::QuorumProblem(masters, *listed, move->away.force);
    if (problem.empty())
      problem = members::JoinProblem(cluster, members::Without(*listed, masters));
  } else {
    problem = members::JoinProblem(cluster, *listed);
  }
  return problem.empty() ? absl::OkStatus() : NotReady(cluster.name, problem);
}

// The old machine is not behind: nothing of the cluster stays there.
LeftOut WithoutMachine(LeftOut left_out, const std::string& machine) {
  std::erase_if(left_out.machines, [&](const auto& one) { return one.machine_id() == machine; });
  std::erase_if(left_out.instances,
                [&](const Instance* one) { return one->machine_id == machine; });
  return left_out;
}

}  // namespace

absl::StatusOr<v1::Operation> MoveMachine(const Resources& resources, const MoveRequest& request,
                                          const Caller& caller) {
  if (request.from_machine_id() == request.to_machine_id()) {
    return ReaddressMachine(resources, request, caller);
  }
  Grown grown;
  Move move;
  move.away.accepts_load_restart = request.accept_load_restart();
  HostRules hosts = HostsAroundGrowth();
  hosts.accepts_load_restart = request.accept_load_restart();
  hosts.skipping =
      MakeNextAction(v1::ACTION_MOVE_MACHINE, {{"cluster_name", request.cluster_name()},
                                               {"from_machine_id", request.from_machine_id()},
                                               {"to_machine_id", request.to_machine_id()}});
  if (request.force()) (*hosts.skipping.mutable_arguments())["force"] = "true";
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(
        RequireOn(subject.record.cluster, request.from_machine_id(), "from_machine_id"));
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    RETURN_IF_ERROR(RequireRunning(subject.record));
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    ASSIGN_OR_RETURN(grown, GrowInPlaceOf(resources, subject.record,
                                          {{.from = request.from_machine_id(),
                                            .to = request.to_machine_id(),
                                            .address = request.address()}}));
    return absl::OkStatus();
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    move.away.leaving = subject.record.cluster.OnMachine(request.from_machine_id());
    RETURN_IF_ERROR(CheckOldHost(subject, request, &move));
    RETURN_IF_ERROR(CheckLoads(resources, hosts, subject.record.cluster, move.away.leaving));
    RETURN_IF_ERROR(LookAtHosts(resources, grown, Reached(subject)));
    return CheckCanMove(resources, subject.record.cluster, &move);
  };
  rules.plan = [&](const Subject&) { return PlanMove(grown.record.cluster, grown.package, move); };
  rules.leave_out = [&](const Subject& subject) {
    return WithoutMachine(subject.left_out, request.from_machine_id());
  };
  rules.store = [&](store::Transaction& tx) { return StoreInPlaceOf(tx, grown); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
