// The configuration of a cluster as its commands read and change it. Private to this folder.
#ifndef DMGR_CLIENT_COMMANDS_CLUSTER_CONFIG_H_
#define DMGR_CLIENT_COMMANDS_CLUSTER_CONFIG_H_

#include <string>

#include "client/environment.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::client {

absl::StatusOr<v1::Cluster> GetCluster(Environment& environment, const std::string& name);
// What the hosts have, or are to have.
const v1::Topology& WantedTopology(const v1::Cluster& cluster);
// cluster: as it was read.
absl::StatusOr<v1::UpdateClusterTopologyResponse> UpdateTopology(Environment& environment,
                                                                 const v1::Cluster& cluster,
                                                                 const v1::Topology& topology,
                                                                 bool validate_only);
// What changes in the configuration, and for which instances.
void PrintChange(Terminal* terminal, const v1::Topology& before, const v1::Topology& after,
                 const v1::UpdateClusterTopologyResponse& checked);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_CLUSTER_CONFIG_H_
