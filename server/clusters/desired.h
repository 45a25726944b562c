// The configuration that a cluster is to have: what edit-config stored, and a reload brings to the
// hosts.
#ifndef DMGR_SERVER_CLUSTERS_DESIRED_H_
#define DMGR_SERVER_CLUSTERS_DESIRED_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// The cluster that a topology makes of a recorded one, by the same rules as a deploy; problems gets
// all that is wrong. topology: with what is write only.
absl::StatusOr<topology::Cluster> ExpandChanged(const Resources& resources,
                                                const store::ClusterRecord& record,
                                                const v1::Topology& topology,
                                                std::vector<topology::Problem>* problems);

// The record as it is to be; as it is when nothing is pending. record: with its options opened.
absl::StatusOr<store::ClusterRecord> DesiredRecord(const Resources& resources,
                                                   const store::ClusterRecord& record);

// The value of ClusterRecord.sealed_pending.
std::string SealPending(const Resources& resources, const store::ClusterRecord& record,
                        const v1::Topology& topology);

// A tag that is another one after every change of the recorded or the pending configuration.
std::string ConfigEtag(const store::ClusterRecord& record);

// Records that these instances have the configuration of `desired`. The topology follows when no
// other instance awaits a reload.
absl::Status ApplyDesired(store::Transaction& tx, const Resources& resources,
                          const store::ClusterRecord& desired,
                          const std::vector<std::string>& instances);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_DESIRED_H_
