#include "server/operations/restart/restart.h"

#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/restart/plan.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> RestartCluster(const Resources& resources,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller) {
  RETURN_IF_ERROR(CheckStrategy(request.strategy(), v1::STRATEGY_ALL_AT_ONCE));
  const bool at_once = request.strategy() == v1::STRATEGY_ALL_AT_ONCE;
  HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_RESTART_CLUSTER, request.cluster_name(), request.selection()),
      .needs_majority = true,
      .behind = Behind::kIsRepaired,
      .accepts_load_restart = request.accept_load_restart()};
  if (at_once) (*hosts.skipping.mutable_arguments())["strategy"] = "STRATEGY_ALL_AT_ONCE";
  ChangeRules rules;
  rules.of_foreign = true;
  rules.members_only = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun);
  };
  rules.require = [&](const Subject& subject) {
    return at_once ? absl::OkStatus()
                   : RequireUp(subject.record, "restart all at once",
                               MakeNextAction(v1::ACTION_RESTART_CLUSTER,
                                              {{"cluster_name", subject.record.cluster.name},
                                               {"strategy", "STRATEGY_ALL_AT_ONCE"}}));
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(CheckLoads(resources, hosts, subject.record.cluster, subject.instances));
    return PreflightStart(resources, subject.record.cluster, subject.instances);
  };
  rules.plan = [&](const Subject& subject) {
    if (at_once) return PlanRestartAtOnce(Reached(subject), subject.instances);
    return PlanRestart(subject.record.cluster, subject.instances, request.max_parallel(),
                       LacksMaster(subject), request.accept_load_restart());
  };
  rules.leave_out = [](const Subject& subject) {
    LeftOut left_out = subject.left_out;
    left_out.running = true;
    return left_out;
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
