// TiUP DM's topology file to the API's Topology. Both have the same keys; what TiUP knows and dmgr
// does not is refused, never ignored.
#ifndef DMGR_CLIENT_TOPOLOGY_TOPOLOGY_H_
#define DMGR_CLIENT_TOPOLOGY_TOPOLOGY_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::client {

// Takes the secrets among the keys of grafana.ini to where the API wants them: the server refuses
// them elsewhere, since it would show them.
void MoveSecrets(v1::Topology* topology);

// Says that they are given, and not what they are: for a person's eyes.
v1::Topology WithoutSecrets(v1::Topology topology);

// Reads the shape of a file: keys, types, duplicates. What the values mean is for the server to
// check. INVALID_ARGUMENT (BAD_TOPOLOGY_FILE) has all that is wrong as field violations, each with
// "file:line" in place of the field; file_name is only for that.
absl::StatusOr<v1::Topology> ParseTopology(const std::string& text, const std::string& file_name);

// The file that ParseTopology makes this topology of, without the contents of files.
std::string TopologyText(const v1::Topology& topology);

// The tables of a dm-master.toml or dm-worker.toml, as server_configs has them. INVALID_ARGUMENT
// with "file:line" as of ParseTopology.
absl::StatusOr<google::protobuf::Struct> ParseToml(const std::string& text,
                                                   const std::string& file_name);

// Reads the files of this machine that the topology names (rule_dir, dashboard_dir, config_file)
// into the message. text and file_name: of the topology file, to say the line of what is wrong.
absl::Status AttachFiles(const std::string& text, const std::string& file_name,
                         v1::Topology* topology);

// The line, from 1, of a field that the server names, such as
// "topology.master_servers[1].placement.host", or of what encloses it where the file leaves it to
// a default. 0 when the file has neither. Quick when asked again with the same text.
int LineOf(const std::string& text, const std::string& field_path);

// The same field as a line of the file names it: "host".
std::string KeyOf(const std::string& field_path);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_TOPOLOGY_H_
