// Exporters that outlive their cluster on a host, since another cluster uses them as well.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_HAND_OVER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_HAND_OVER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/clusters/host_before.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Gives those of the leaving instances on the step's host that are exporters to the clusters that
// would inherit them, and stops the other exporters: their turn to go has come, and nobody else
// takes them. before: of the host. Returns the names of those that were given away, which the
// record does not have any more. Idempotent.
absl::StatusOr<std::vector<std::string>> HandOverExporters(const Resources& resources,
                                                           engine::StepContext& context,
                                                           const store::ClusterRecord& record,
                                                           const topology::Cluster& leaving,
                                                           const clusters::HostBefore& before);

// The same of instances on hosts that cannot be reached, as far as the record goes: whatever gives
// them up remembers them, and the hosts learn whose the exporters are when they are cleaned. Part
// of that transaction.
absl::Status BequeathExporters(const Resources& resources, store::Transaction& tx,
                               const topology::Cluster& unreached);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_HAND_OVER_H_
