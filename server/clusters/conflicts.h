// What stands in the way of a deploy or a start on a host. Pure.
#ifndef DMGR_SERVER_CLUSTERS_CONFLICTS_H_
#define DMGR_SERVER_CLUSTERS_CONFLICTS_H_

#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

// The question whose answer MakeBefore and Conflicts read.
hv1::Inspect InspectionOf(const topology::Cluster& cluster, const std::string& machine_id);

// What stands in the way of a deploy on a host, one sentence each: ports in use, directories with
// foreign content, foreign units, a user that is missing.
std::vector<std::string> DeployConflicts(const topology::Cluster& cluster,
                                         const std::string& machine_id,
                                         const hv1::InspectReply& seen);

// What stands in the way of a start: ports of the instances that somebody else listens on.
std::vector<std::string> StartConflicts(const std::vector<const topology::Instance*>& instances,
                                        const hv1::InspectReply& seen);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CONFLICTS_H_
