// Whether the file systems of a host have room for what a cluster puts there. Pure.
#ifndef DMGR_SERVER_CLUSTERS_ROOM_H_
#define DMGR_SERVER_CLUSTERS_ROOM_H_

#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

using Releases = std::vector<const v1::PackageComponent*>;

// The releases of a package that a machine gets in place of those of another one: what is the same
// moves nothing. The pointers live as long as the package.
Releases ReleasesFor(const topology::Cluster& cluster, const std::string& machine_id,
                     const v1::Package& package, const v1::Package& instead_of);

// What a host lacks for releases that come to it, and for the directories of its instances: one
// sentence for each file system that has too little space (in MiB) or too few inodes.
std::vector<std::string> RoomConflicts(const topology::Cluster& cluster,
                                       const std::string& machine_id, const Releases& releases,
                                       const hv1::InspectReply& seen);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_ROOM_H_
