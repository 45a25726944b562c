// What a destroy or a scale-in removes from a host, by the record of what was there before. Pure.
#ifndef DMGR_SERVER_CLUSTERS_REMOVAL_H_
#define DMGR_SERVER_CLUSTERS_REMOVAL_H_

#include <string>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/host_before.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

// What a destroy asks of a host, in order: the cluster's paths go, by record, then the cluster
// leaves.
hv1::Batch RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                     const HostBefore& before, const std::string& public_key);

// What is asked of a host that some of the cluster's instances leave. What others of the cluster on
// the host need stays; with none the cluster leaves it.
hv1::Batch PartialRemovalOf(const topology::Cluster& cluster, const topology::Cluster& leaving,
                            const std::string& machine_id, const HostBefore& before,
                            const std::string& public_key, const v1::Package& package);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_REMOVAL_H_
