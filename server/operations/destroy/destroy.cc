#include "server/operations/destroy/destroy.h"

#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/to_api.h"
#include "server/operations/calls/submit.h"
#include "server/operations/destroy/plan.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> DestroyCluster(const Resources& resources,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  std::vector<std::string> surveyed;
  bool has_patches = false;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    surveyed.clear();
    ASSIGN_OR_RETURN(auto records, store::ListHostRecords(tx, request.cluster_name()));
    for (const auto& host : records) surveyed.push_back(host.machine_id);
    v1::Cluster cluster;
    RETURN_IF_ERROR(clusters::FillPatches(tx, record, &cluster));
    has_patches = !cluster.patches().empty();
    return absl::OkStatus();
  }));
  return Submit(resources, request, caller, PlanDestroy(record.cluster, surveyed, has_patches),
                /*supersede=*/true);
}

}  // namespace dmgr::operations
