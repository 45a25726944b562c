// What is checked of a cluster that a call describes, before anything is stored.
#ifndef DMGR_SERVER_CLUSTERS_CHECKS_H_
#define DMGR_SERVER_CLUSTERS_CHECKS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// INVALID_ARGUMENT that lists all of them.
absl::Status InvalidTopology(const std::vector<topology::Problem>& problems);

// Every registered machine, and its identity by its id.
absl::Status ListMachineRefs(store::Transaction& tx, std::vector<topology::MachineRef>* machines,
                             std::vector<std::pair<std::string, std::string>>* identities);

// Accounts that clusters may run as on the machine though dmgr did not make them.
absl::StatusOr<std::vector<std::string>> LoadAllowedUsers(const Resources& resources,
                                                          const std::string& machine_id);

// Renders every instance from the package tree: what cannot be rendered is refused now.
absl::Status CheckRender(const Resources& resources, const store::ClusterRecord& record);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CHECKS_H_
