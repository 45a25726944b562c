// Clusters that come from TiUP, or go back to it.
#ifndef DMGR_CLIENT_COMMANDS_CLUSTER_TIUP_H_
#define DMGR_CLIENT_COMMANDS_CLUSTER_TIUP_H_

#include <string>

#include "absl/status/status.h"
#include "client/environment.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::client {

// TiUP's meta.yaml of the cluster into a file, or to standard output when none is named; what TiUP
// has no word for is told.
absl::Status WriteTiupMeta(Environment& environment, const v1::Cluster& cluster,
                           const std::string& file);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_CLUSTER_TIUP_H_
