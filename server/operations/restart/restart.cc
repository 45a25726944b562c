#include "server/operations/restart/restart.h"

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/engine/plan.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/submit.h"
#include "server/operations/restart/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> RestartCluster(const Resources& resources,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  RETURN_IF_ERROR(CheckStrategy(request.strategy(), v1::STRATEGY_ALL_AT_ONCE));
  const bool at_once = request.strategy() == v1::STRATEGY_ALL_AT_ONCE;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  // What was never joined is not part of it.
  record.cluster = topology::MembersOf(record.cluster);
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  if (record.active_operation_id.empty()) {
    if (!at_once) RETURN_IF_ERROR(RequireUp(record, ", or restart all at once"));
    RETURN_IF_ERROR(PreflightStart(resources, record.cluster, instances));
  }
  const engine::Plan plan = at_once ? PlanRestartAtOnce(record.cluster, instances)
                                    : PlanRestart(record.cluster, instances);
  return Submit(resources, request, caller, plan, /*supersede=*/false);
}

}  // namespace dmgr::operations
