#include "server/operations/service/service.h"

#include "server/operations/calls/change.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/service/plan.h"

namespace dmgr::operations {
namespace {

template <typename Request>
absl::StatusOr<v1::Operation> SetAtBoot(const Resources& resources, const Request& request,
                                        const Caller& caller, bool enabled) {
  return Change(resources, request, caller,
                {.selection = &request.selection(), .plan = [&](const Subject& subject) {
                   return PlanEnable(subject.record.cluster, subject.instances, enabled);
                 }});
}

bool TakesAll(const Subject& subject) {
  return subject.instances.size() == subject.record.cluster.instances.size();
}

}  // namespace

absl::StatusOr<v1::Operation> StartCluster(const Resources& resources,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller) {
  return Change(resources, request, caller,
                {.members_only = true,
                 .selection = &request.selection(),
                 .look =
                     [&](const Subject& subject) {
                       return PreflightStart(resources, subject.record.cluster, subject.instances);
                     },
                 .plan =
                     [](const Subject& subject) {
                       return PlanStart(subject.record.cluster, subject.instances);
                     }});
}

absl::StatusOr<v1::Operation> StopCluster(const Resources& resources,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller) {
  // A part that is stopped does not take away that the operation which holds the cluster can be
  // resumed.
  return Change(resources, request, caller,
                {.selection = &request.selection(),
                 .supersedes = TakesAll,
                 .plan = [](const Subject& subject) {
                   return PlanStop(subject.record.cluster, subject.instances, TakesAll(subject));
                 }});
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
