// One setting of a topology, given by its path.
#ifndef DMGR_CLIENT_TOPOLOGY_SETTINGS_H_
#define DMGR_CLIENT_TOPOLOGY_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::client {

// Applies "PATH=VALUE". The path has the keys of a topology file with dots between them; an element
// of a list is chosen by its host, host:port or name, or by its number from 0:
// "server_configs.worker.keepalive-ttl=60", "worker_servers[10.0.1.5:8262].config.log-level=debug".
// The value is YAML. INVALID_ARGUMENT (BAD_SETTING); as of ParseTopology for what is no key, or no
// value for it.
absl::Status ApplySetting(const std::string& setting, v1::Topology* topology);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_SETTINGS_H_
