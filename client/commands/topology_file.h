// A topology file of the user.
#ifndef DMGR_CLIENT_COMMANDS_TOPOLOGY_FILE_H_
#define DMGR_CLIENT_COMMANDS_TOPOLOGY_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace dmgr::v1 {
class Topology;
}

namespace dmgr::client {

struct TopologyFile {
  std::string path;
  std::string text;

  // Reads the file and those that it names into the topology.
  static absl::StatusOr<TopologyFile> Read(const std::string& path, v1::Topology* topology);
  // Puts "file:line" in front of what the server found wrong with it.
  absl::Status WithLines(const absl::Status& status) const;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_TOPOLOGY_FILE_H_
