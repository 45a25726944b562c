// What the calls have in common that record a new cluster.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_NEW_CLUSTER_H_
#define DMGR_SERVER_OPERATIONS_CALLS_NEW_CLUSTER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What a new cluster is checked against.
struct AroundNew {
  std::vector<topology::MachineRef> machines;
  // Of each machine.
  std::vector<std::pair<std::string, std::string>> identities;
  std::vector<topology::Occupied> occupied;
  v1::Package package;
};

// ALREADY_EXISTS, CLUSTER_EXISTS; NOT_FOUND for a version without a package. version: nullopt where
// no package is needed yet.
absl::StatusOr<AroundNew> LoadAroundNew(const Resources& resources, const std::string& cluster_name,
                                        const std::optional<std::string>& version);

// Takes the Grafana password out of the topology: it is kept sealed, and nowhere else. asked:
// beside the topology, or empty.
std::string TakeGrafanaPassword(v1::Topology* topology, const std::string& asked,
                                std::vector<topology::Problem>* problems);

// It is where dmgrd.toml lets files of clusters be.
void CheckClusterPath(const Resources& resources, const std::string& cluster_path,
                      std::vector<topology::Problem>* problems);

// Seals what the record keeps sealed, but for what TLS needs, and makes its key.
absl::Status AddSecrets(const Resources& resources, const std::string& grafana_password,
                        store::ClusterRecord* record);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_NEW_CLUSTER_H_
