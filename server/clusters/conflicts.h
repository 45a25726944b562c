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

// What stands in the way of a deploy on a host, one sentence each: what does in that of a start,
// directories with foreign content or behind a user's link, foreign units, users and groups that
// are missing, NUMA nodes that the host has not; and a user or group that dmgr did not make, unless
// it is among `allowed`, which an admin has said of the machine.
std::vector<std::string> DeployConflicts(const topology::Cluster& cluster,
                                         const std::string& machine_id,
                                         const hv1::InspectReply& seen,
                                         const std::vector<std::string>& allowed = {});

// What stands in the way of dmgr's files where another tool has laid the instances: what does in
// that of a start, and directories that others can change.
std::vector<std::string> TakeoverConflicts(const topology::Cluster& cluster,
                                           const std::string& machine_id,
                                           const hv1::InspectReply& seen);

// What stands in the way of a start: ports of the instances that somebody else listens on,
// addresses that are not the host's, file systems that are read-only or mounted noexec.
std::vector<std::string> StartConflicts(const std::vector<const topology::Instance*>& instances,
                                        const hv1::InspectReply& seen);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CONFLICTS_H_
