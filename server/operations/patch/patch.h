// The calls of ClusterService about patches, as in clusters.h.
#ifndef DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_
#define DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/operations/upgrade/plan.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> PatchCluster(const Services& services,
                                           const v1::PatchClusterRequest& request,
                                           const Caller& caller);
absl::StatusOr<v1::Operation> RevertClusterPatches(const Services& services,
                                                   const v1::RevertClusterPatchesRequest& request,
                                                   const Caller& caller);

// For an upgrade: the patches that the cluster uses.
absl::StatusOr<KeptPatches> LoadKeptPatches(const Services& services,
                                            const store::ClusterRecord& record);
// For the transaction that stores an operation: ABORTED when the cluster's patches or its version
// are not any more as they were when it was planned.
absl::Status CheckPlannedFrom(store::Transaction& tx, const store::ClusterRecord& planned);
// What GetCluster shows of patches.
absl::Status FillPatches(store::Transaction& tx, const store::ClusterRecord& record,
                         v1::Cluster* cluster);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PATCH_PATCH_H_
