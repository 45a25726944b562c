// What clusters left on hosts that could not be reached: made, shown, found by what runs there.
// Pure but for the reads that say so.
#ifndef DMGR_SERVER_CLUSTERS_LEFTOVERS_H_
#define DMGR_SERVER_CLUSTERS_LEFTOVERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// What these instances leave on a machine, to be stored. Reads the record of what was there before;
// NOT_FOUND when the machine was never surveyed: then nothing of the cluster is there.
absl::StatusOr<store::LeftoverRecord> LeftoverOf(const Resources& resources,
                                                 const store::ClusterRecord& record,
                                                 const topology::Cluster& leaving,
                                                 const std::string& machine_id,
                                                 const std::string& operation_id);

// Reads those of a machine.
absl::StatusOr<std::vector<store::LeftoverRecord>> LoadLeftoversOn(const Resources& resources,
                                                                   const std::string& machine_id);

v1::Leftover ToApi(const store::LeftoverRecord& record);

// "cluster demo: dm-master-8261, dm-worker-8262".
std::string WordsOf(const store::LeftoverRecord& record);

// The machine on which a process that DM names was left, or empty. By its name it is the cluster's;
// by its address it may be another one's, whose dm-masters had the addresses of this one's.
std::string MachineOfLeftover(const std::vector<store::LeftoverRecord>& leftovers,
                              const std::string& cluster_uuid, topology::Component component,
                              const std::string& name, const std::string& address);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_LEFTOVERS_H_
