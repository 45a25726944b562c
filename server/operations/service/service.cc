#include "server/operations/service/service.h"

#include "server/operations/calls/change.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/service/plan.h"

namespace dmgr::operations {
namespace {

template <typename Request>
absl::StatusOr<v1::Operation> SetAtBoot(const Resources& resources, const Request& request,
                                        const Caller& caller, bool enabled) {
  const HostRules hosts = {.skip_unreachable = request.skip_unreachable()};
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanEnable(subject.record.cluster, subject.instances, enabled);
  };
  rules.leave_out = [&](const Subject& subject) {
    LeftOut left_out = subject.left_out;
    left_out.enabled = enabled;
    return left_out;
  };
  return Change(resources, request, caller, rules);
}

// Also of those that are left out.
bool TakesAll(const Subject& subject) {
  return subject.instances.size() + subject.left_out.instances.size() ==
         subject.record.cluster.instances.size();
}

LeftOut LeaveOut(const Subject& subject, bool running) {
  LeftOut left_out = subject.left_out;
  left_out.running = running;
  return left_out;
}

}  // namespace

absl::StatusOr<v1::Operation> StartCluster(const Resources& resources,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller) {
  const HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_START_CLUSTER, request.cluster_name(), request.selection()),
      .needs_majority = true,
      .behind = Behind::kIsRepaired};
  ChangeRules rules;
  rules.members_only = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun);
  };
  rules.look = [&](const Subject& subject) {
    return PreflightStart(resources, subject.record.cluster, subject.instances,
                          clusters::Reach::kDm);
  };
  rules.plan = [](const Subject& subject) {
    return PlanStart(subject.record.cluster, subject.instances);
  };
  rules.leave_out = [](const Subject& subject) { return LeaveOut(subject, /*running=*/true); };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> StopCluster(const Resources& resources,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller) {
  const bool all = IsForAll(request.selection());
  const HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_STOP_CLUSTER, request.cluster_name(), request.selection()),
      .behind = all ? Behind::kGetsFiles : Behind::kStays};
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  // A part that is stopped does not take away that the operation which holds the cluster can be
  // resumed.
  rules.supersedes = [&](const Subject& subject) {
    return TakesAll(subject) ||
           (request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun));
  };
  rules.plan = [](const Subject& subject) {
    return PlanStop(Reached(subject), subject.instances, TakesAll(subject));
  };
  rules.leave_out = [](const Subject& subject) { return LeaveOut(subject, /*running=*/false); };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> EnableCluster(const Resources& resources,
                                            const v1::EnableClusterRequest& request,
                                            const Caller& caller) {
  return SetAtBoot(resources, request, caller, /*enabled=*/true);
}

absl::StatusOr<v1::Operation> DisableCluster(const Resources& resources,
                                             const v1::DisableClusterRequest& request,
                                             const Caller& caller) {
  return SetAtBoot(resources, request, caller, /*enabled=*/false);
}

}  // namespace dmgr::operations
