#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/growth.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/replacements.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/readdress.h"
#include "server/operations/scale/scale.h"
#include "server/operations/steps/let_go.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// What a call asks for: of one machine, or of several at once.
struct AskedMove {
  // Which machines are given up for which ones.
  std::function<absl::StatusOr<std::vector<Replaced>>(const topology::Cluster&)> read;
  // The call, for its refusals.
  v1::NextAction again;
  bool accepts_load_restart = false;
  // The old machines need not answer.
  bool force = false;
  // dm-masters that are not alive leave before others join.
  bool dead_leave_first = false;
};

class Moving {
 public:
  Moving(const Resources& resources, AskedMove asked)
      : resources_(resources), asked_(std::move(asked)), hosts_(HostsAroundGrowth()) {
    hosts_.accepts_load_restart = asked_.accepts_load_restart;
    hosts_.skipping = asked_.again;
    // A majority that is lost has a remedy of its own, also where all are.
    hosts_.may_be_none = true;
    move_.away.accepts_load_restart = asked_.accepts_load_restart;
  }

  const HostRules& hosts() const { return hosts_; }

  absl::Status Require(const Subject& subject) {
    ASSIGN_OR_RETURN(replaced_, asked_.read(subject.record.cluster));
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    RETURN_IF_ERROR(RequireRunning(subject.record));
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    ASSIGN_OR_RETURN(grown_, GrowInPlaceOf(resources_, subject.record, replaced_));
    return absl::OkStatus();
  }

  absl::Status Look(const Subject& subject) {
    const topology::Cluster& cluster = subject.record.cluster;
    move_.away.leaving = InstancesOn(cluster, GivenUp(replaced_));
    RETURN_IF_ERROR(CheckOldHosts(subject));
    RETURN_IF_ERROR(CheckLoads(resources_, hosts_, cluster, move_.away.leaving));
    RETURN_IF_ERROR(LookAtHosts(resources_, grown_, Reached(subject)));
    return CheckDm(cluster);
  }

  engine::Plan Plan() const { return PlanMove(grown_.record.cluster, grown_.package, move_); }
  LeftOut LeaveOut(const Subject& subject) const {
    return WithoutMachines(subject.left_out, GivenUp(replaced_));
  }
  absl::Status Store(store::Transaction& tx) const { return StoreInPlaceOf(tx, grown_); }

 private:
  absl::Status CheckOldHosts(const Subject& subject);
  absl::Status CheckDm(const topology::Cluster& cluster);

  const Resources& resources_;
  const AskedMove asked_;
  HostRules hosts_;
  std::vector<Replaced> replaced_;
  Grown grown_;
  Move move_;
};

// Says which machines do not answer; an old one may, by force.
absl::Status Moving::CheckOldHosts(const Subject& subject) {
  for (const auto& machine : subject.left_out.machines) {
    move_.away.unreachable.insert(machine.machine_id());
    const auto old = std::ranges::find(replaced_, machine.machine_id(), &Replaced::from);
    if (old == replaced_.end()) continue;
    move_.away.force = true;
    if (asked_.force) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
                 "machine {} does not answer: {}", machine.machine_id(), machine.reason())
        .With("cluster", subject.record.cluster.name)
        .With("machine", machine.machine_id())
        .Remedy(
            "mend it; or by force what is on it is given up, and remembered until the "
            "machine is cleaned")
        .Next(v1::ACTION_MOVE_MACHINE, {{"cluster_name", subject.record.cluster.name},
                                        {"from_machine_id", machine.machine_id()},
                                        {"to_machine_id", old->to},
                                        {"force", "true"}});
  }
  return absl::OkStatus();
}

// Puts the dm-masters in the order in which they leave, and asks whether DM goes along with it.
absl::Status Moving::CheckDm(const topology::Cluster& cluster) {
  const auto listed = resources_.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (!listed.ok()) return NotReady(cluster.name, std::string(Message(listed.status())));
  const auto masters = members::OrderLeaving(*listed, &move_.away.leaving);
  if (masters.empty()) {
    return listed->leader_name.empty() ? NotReady(cluster.name, "it has no leader")
                                       : absl::OkStatus();
  }
  move_.masters_leave_first =
      asked_.dead_leave_first && std::ranges::any_of(masters, [&](const Instance* master) {
        const dm::Master* one = listed->FindMaster(master->name);
        return one == nullptr || !one->alive;
      });
  std::string problem;
  if (move_.masters_leave_first) {
    problem = members::QuorumProblem(masters, *listed, move_.away.force);
    if (problem.empty())
      problem = members::JoinProblem(cluster, members::Without(*listed, masters));
  } else {
    problem = members::JoinProblem(cluster, *listed);
  }
  return problem.empty() ? absl::OkStatus() : NotReady(cluster.name, problem);
}

template <typename Request>
absl::StatusOr<v1::Operation> MoveAsAsked(const Resources& resources, const Request& request,
                                          const Caller& caller, AskedMove asked) {
  asked.accepts_load_restart = request.accept_load_restart();
  Moving moving(resources, std::move(asked));
  ChangeRules rules;
  rules.hosts = &moving.hosts();
  rules.require = [&](const Subject& subject) { return moving.Require(subject); };
  rules.look = [&](const Subject& subject) { return moving.Look(subject); };
  rules.plan = [&](const Subject&) { return moving.Plan(); };
  rules.leave_out = [&](const Subject& subject) { return moving.LeaveOut(subject); };
  rules.store = [&](store::Transaction& tx) { return moving.Store(tx); };
  return Change(resources, request, caller, rules);
}

}  // namespace

absl::StatusOr<v1::Operation> MoveMachine(const Resources& resources,
                                          const v1::MoveMachineRequest& request,
                                          const Caller& caller) {
  if (request.from_machine_id() == request.to_machine_id()) {
    return ReaddressMachine(resources, request, caller);
  }
  AskedMove asked{.read = {}, .again = {}, .force = request.force(), .dead_leave_first = true};
  asked.again =
      MakeNextAction(v1::ACTION_MOVE_MACHINE, {{"cluster_name", request.cluster_name()},
                                               {"from_machine_id", request.from_machine_id()},
                                               {"to_machine_id", request.to_machine_id()}});
  if (request.force()) (*asked.again.mutable_arguments())["force"] = "true";
  asked.read = [&](const topology::Cluster& cluster) -> absl::StatusOr<std::vector<Replaced>> {
    RETURN_IF_ERROR(RequireOn(cluster, request.from_machine_id(), "from_machine_id"));
    return std::vector<Replaced>{{.from = request.from_machine_id(),
                                  .to = request.to_machine_id(),
                                  .address = request.address()}};
  };
  return MoveAsAsked(resources, request, caller, std::move(asked));
}

absl::StatusOr<v1::Operation> MoveCluster(const Resources& resources,
                                          const v1::MoveClusterRequest& request,
                                          const Caller& caller) {
  AskedMove asked{.read = {}, .again = {}};
  asked.again = MakeNextAction(v1::ACTION_MOVE_CLUSTER, {{"cluster_name", request.cluster_name()}});
  asked.read = [&](const topology::Cluster& cluster) {
    return ReadReplacements(cluster, request.replacements());
  };
  return MoveAsAsked(resources, request, caller, std::move(asked));
}

}  // namespace dmgr::operations
