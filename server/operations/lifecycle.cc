#include "server/operations/lifecycle.h"

#include "server/operations/plan_rolling.h"
#include "server/operations/preflight.h"
#include "server/operations/submit.h"

namespace dmgr::operations {
namespace {

absl::Status RequireUp(const store::ClusterRecord& record, const std::string& otherwise) {
  if (record.state == v1::CLUSTER_STATE_UP) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_UP",
               "cluster {} is not up, so that its instances cannot be taken one after another",
               record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("start it: dmgrctl cluster start " + record.cluster.name + otherwise);
}

}  // namespace

absl::StatusOr<v1::Operation> RestartCluster(const Services& services,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  const bool whole = instances.size() == record.cluster.instances.size();
  if (record.active_operation_id.empty()) {
    if (!request.all_at_once()) RETURN_IF_ERROR(RequireUp(record, ", or use --all-at-once"));
    RETURN_IF_ERROR(PreflightStart(services, record.cluster, instances));
  }
  const engine::Plan plan = request.all_at_once()
                                ? PlanRestartAtOnce(record.cluster, instances, whole)
                                : PlanRestart(record.cluster, instances);
  return Submit(services, request, caller, plan, /*supersede=*/false);
}

}  // namespace dmgr::operations
