// A cluster's own SSH key pair: its user on the hosts lets it in when that was asked for.
#ifndef DMGR_SERVER_CLUSTERS_CLUSTER_KEY_H_
#define DMGR_SERVER_CLUSTERS_CLUSTER_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// Sets the record's key to a new one. By the comment, "dmgr:{name}:{uuid}", hosts know the keys of
// one cluster from those of others.
absl::Status MakeClusterKey(const Resources& resources, store::ClusterRecord* record);

// How the authorized_keys of the cluster's user say a key: without forwarding. Empty when the
// cluster has no login.
std::string LoginLine(const topology::Cluster& cluster, const std::string& public_key);

// Writes the record's key into the cluster's folder on dmgrd's machine: the public one, and the
// private one as it is sealed.
absl::Status WriteClusterKey(const store::ClusterRecord& record);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CLUSTER_KEY_H_
