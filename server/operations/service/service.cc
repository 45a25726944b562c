#include "server/operations/service/service.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/lent.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/service/plan.h"

namespace dmgr::operations {
namespace {

// Names of those that serve other clusters, too: they stay as they are unless they are asked for.
absl::Status FindLent(const Resources& resources, const Subject& subject,
                      const v1::Selection& selection, std::set<std::string>* lent) {
  if (!IsForAll(selection)) return absl::OkStatus();
  ASSIGN_OR_RETURN(*lent, LentExporters(resources, subject.record.cluster.name));
  return absl::OkStatus();
}

std::vector<const topology::Instance*> AllBut(const std::set<std::string>& names,
                                              std::vector<const topology::Instance*> instances) {
  std::erase_if(instances, [&](const auto* one) { return names.contains(one->name); });
  return instances;
}

template <typename Request>
absl::StatusOr<v1::Operation> SetAtBoot(const Resources& resources, const Request& request,
                                        const Caller& caller, bool enabled) {
  const HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(enabled ? v1::ACTION_ENABLE_CLUSTER : v1::ACTION_DISABLE_CLUSTER,
                           request.cluster_name(), request.selection())};
  ChangeRules rules;
  rules.of_foreign = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun);
  };
  std::set<std::string> lent;
  rules.look = [&](const Subject& subject) {
    return enabled ? absl::OkStatus() : FindLent(resources, subject, request.selection(), &lent);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanEnable(subject.record.cluster, AllBut(lent, subject.instances), enabled);
  };
  rules.leave_out = [&](const Subject& subject) {
    LeftOut left_out = subject.left_out;
    left_out.instances = AllBut(lent, std::move(left_out.instances));
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
  rules.of_foreign = true;
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
  rules.of_foreign = true;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  // A part that is stopped does not take away that the operation which holds the cluster can be
  // resumed.
  rules.supersedes = [&](const Subject& subject) {
    return TakesAll(subject) ||
           (request.skip_unreachable() && IsHeldBy(resources, subject, kOnlyRun));
  };
  std::set<std::string> lent;
  migrations::SeenSubtasks running;
  rules.look = [&](const Subject& subject) {
    if (subject.record.state == v1::CLUSTER_STATE_UP) {
      running = RunningOn(resources, subject.record.cluster, subject.instances);
    }
    return FindLent(resources, subject, request.selection(), &lent);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanStop(Reached(subject), AllBut(lent, subject.instances), TakesAll(subject), running);
  };
  rules.leave_out = [&](const Subject& subject) {
    LeftOut left_out = LeaveOut(subject, /*running=*/false);
    left_out.instances = AllBut(lent, std::move(left_out.instances));
    return left_out;
  };
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
