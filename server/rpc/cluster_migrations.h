// The status of a cluster with that of what it migrates. Private to this room.
#ifndef DMGR_SERVER_RPC_CLUSTER_MIGRATIONS_H_
#define DMGR_SERVER_RPC_CLUSTER_MIGRATIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/resources/resources.h"

namespace dmgr::rpc {

// As status::ProbeCluster; DM is asked for its tasks and sources meanwhile.
absl::StatusOr<v1::GetClusterStatusResponse> ProbeWithMigrations(const Resources& resources,
                                                                 const std::string& cluster_name);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_CLUSTER_MIGRATIONS_H_
