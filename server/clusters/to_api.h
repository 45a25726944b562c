// Clusters and operations as the API shows them.
#ifndef DMGR_SERVER_CLUSTERS_TO_API_H_
#define DMGR_SERVER_CLUSTERS_TO_API_H_

#include "absl/status/status.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"

namespace dmgr::clusters {

// An operation as the API shows it, with its steps, its progress and what can be done with it.
v1::Operation ToApi(const store::OperationRecord& record);

// Adds to an operation that was abandoned just now what leads out of the state in which it left its
// cluster.
absl::Status AddWaysOut(store::Transaction& tx, v1::Operation* operation);

// A cluster as the API shows it.
v1::Cluster ToApi(const store::ClusterRecord& record);

// The same, with its patches or, unless it is full, without them and without topologies.
absl::Status Show(store::Transaction& tx, const store::ClusterRecord& record, bool full,
                  v1::Cluster* cluster);

// The patches that a cluster uses.
absl::Status FillPatches(store::Transaction& tx, const store::ClusterRecord& record,
                         v1::Cluster* cluster);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_TO_API_H_
