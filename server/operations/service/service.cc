#include "server/operations/service/service.h"

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/engine/plan.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/submit.h"
#include "server/operations/service/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

template <typename Request>
absl::StatusOr<v1::Operation> SetAtBoot(const Resources& resources, const Request& request,
                                        const Caller& caller, bool enabled) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  return Submit(resources, request, caller, PlanEnable(record.cluster, instances, enabled),
                /*supersede=*/false);
}

}  // namespace

absl::StatusOr<v1::Operation> StartCluster(const Resources& resources,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  // What was never joined is not part of it.
  record.cluster = topology::MembersOf(record.cluster);
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  const engine::Plan plan = PlanStart(record.cluster, instances);
  // A cluster that another operation holds is not looked at: the store refuses it, by name.
  if (record.active_operation_id.empty()) {
    RETURN_IF_ERROR(PreflightStart(resources, record.cluster, instances));
  }
  return Submit(resources, request, caller, plan, /*supersede=*/false);
}

absl::StatusOr<v1::Operation> StopCluster(const Resources& resources,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  const bool whole = instances.size() == record.cluster.instances.size();
  // A part that is stopped does not take away that the operation which holds the cluster can be
  // resumed.
  return Submit(resources, request, caller, PlanStop(record.cluster, instances, whole), whole);
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
