#include "server/operations/destroy/destroy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/lent.h"
#include "server/operations/destroy/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {

namespace {

absl::StatusOr<engine::Plan> PlanFor(const Resources& resources,
                                     const store::ClusterRecord& record) {
  std::vector<std::string> surveyed;
  bool has_patches = false;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    surveyed.clear();
    ASSIGN_OR_RETURN(auto hosts, store::ListHostRecords(tx, record.cluster.name));
    for (const auto& host : hosts) surveyed.push_back(host.machine_id);
    ASSIGN_OR_RETURN(const auto roles, store::ListRolePatches(tx, record.cluster.name));
    has_patches = !roles.empty() ||
                  std::any_of(record.cluster.instances.begin(), record.cluster.instances.end(),
                              [](const auto& i) { return !i.patch.empty(); });
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const auto lent, LentExporters(resources, record.cluster.name));
  return PlanDestroy(record.cluster, surveyed, has_patches, lent);
}

}  // namespace

absl::StatusOr<v1::Operation> DestroyCluster(const Resources& resources,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller) {
  return Change(
      resources, request, caller,
      {.in_any_state = true,
       .supersedes = [](const Subject&) { return true; },
       .plan = [&](const Subject& subject) { return PlanFor(resources, subject.record); }});
}

}  // namespace dmgr::operations
