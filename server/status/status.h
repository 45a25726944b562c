// Probing a cluster.
#ifndef DMGR_SERVER_STATUS_STATUS_H_
#define DMGR_SERVER_STATUS_STATUS_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::status {

// Asks every host and every instance now; what does not answer within about 2.5 seconds is
// reported as such. Fails only when the cluster is unknown or the database away.
absl::StatusOr<v1::GetClusterStatusResponse> ProbeCluster(const Resources& resources,
                                                          const std::string& cluster_name);

}  // namespace dmgr::status

#endif  // DMGR_SERVER_STATUS_STATUS_H_
