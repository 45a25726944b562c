#include "server/operations/service/service.h"

#include "common/error.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/lent.h"
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

// What is selected, but for exporters that serve other clusters, unless they are asked for.
absl::StatusOr<std::vector<const topology::Instance*>> Stopping(const Resources& resources,
                                                                const Subject& subject,
                                                                const v1::Selection& selection) {
  auto stopping = subject.instances;
  if (!selection.components().empty() || !selection.nodes().empty()) return stopping;
  ASSIGN_OR_RETURN(const auto lent, LentExporters(resources, subject.record.cluster.name));
  std::erase_if(stopping, [&](const auto* one) { return lent.contains(one->name); });
  return stopping;
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
                 .plan = [&](const Subject& subject) -> absl::StatusOr<engine::Plan> {
                   ASSIGN_OR_RETURN(const auto stopping,
                                    Stopping(resources, subject, request.selection()));
                   return PlanStop(subject.record.cluster, stopping, TakesAll(subject));
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
