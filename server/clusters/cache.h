// {cluster dir}/cache: the rendered files of a cluster, for people to read.
#ifndef DMGR_SERVER_CLUSTERS_CACHE_H_
#define DMGR_SERVER_CLUSTERS_CACHE_H_

#include "absl/status/status.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::clusters {

// Makes {cluster dir}/cache the rendered files of the cluster's instances, for people to read, by
// the FlatName of their path below the deploy_dir.
absl::Status WriteCache(const Resources& resources, const store::ClusterRecord& record);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CACHE_H_
