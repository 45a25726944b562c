// Looking at hosts before a cluster is put on them, or while it is there. Reads only.
#ifndef DMGR_SERVER_CHECK_CHECK_H_
#define DMGR_SERVER_CHECK_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/check_service.pb.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::check {

// Asks all hosts of the cluster at once. One that does not answer is a check that failed.
std::vector<v1::HostCheck> CheckHosts(const Resources& resources, const topology::Cluster& cluster);

// NOT_FOUND.
absl::StatusOr<v1::CheckClusterResponse> CheckCluster(const Resources& resources,
                                                      const v1::CheckClusterRequest& request);

// Of a cluster that is not there yet; its ports, directories and accounts are checked as well, and
// with a version the room for its package.
// INVALID_ARGUMENT lists what is wrong in the topology.
absl::StatusOr<v1::CheckTopologyResponse> CheckTopology(const Resources& resources,
                                                        const v1::CheckTopologyRequest& request);

}  // namespace dmgr::check

#endif  // DMGR_SERVER_CHECK_CHECK_H_
