// TiUP's own record of a DM cluster, its meta.yaml: user, version and topology.
#ifndef DMGR_CLIENT_TOPOLOGY_TIUP_H_
#define DMGR_CLIENT_TOPOLOGY_TIUP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::client {

struct TiupMeta {
  // As dmgr writes versions, "v7.5.1".
  std::string version;
  // With the user as that of its global section.
  v1::Topology topology;
  // What TiUP says there and dmgr leaves out, a sentence each, with its line.
  std::vector<std::string> notes;
};

// Of TiUP 1.3 to 1.16. Shape and errors as of ParseTopology.
absl::StatusOr<TiupMeta> ParseTiupMeta(const std::string& text, const std::string& file_name);

struct TiupText {
  std::string text;
  // What TiUP has no word for, a sentence each.
  std::vector<std::string> left_out;
};

// The file that TiUP goes on with: every server with its name, ports and directories.
TiupText TiupMetaText(const v1::Cluster& cluster);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_TIUP_H_
