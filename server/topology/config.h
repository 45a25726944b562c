// server_configs and the config of instances. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_CONFIG_H_
#define DMGR_SERVER_TOPOLOGY_CONFIG_H_

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/topology/topology.h"

namespace dmgr::topology {

// Full dotted key -> scalar or list of scalars.
using FlatConfig = std::map<std::string, google::protobuf::Value>;

// Tables become dotted keys. problems gets what cannot be a configuration: two values for one key,
// no value, control characters, too much nesting or size. prefix: field path of the Struct.
FlatConfig Flatten(const google::protobuf::Struct& config, const std::string& prefix,
                   std::vector<Problem>* problems);

// Refuses keys that dmgr sets itself, that this version of DM does not know (it would end at once)
// and values of the wrong type. Components without a configuration of this kind take anything.
void CheckConfig(Component component, std::string_view version, const FlatConfig& config,
                 const std::string& prefix, std::vector<Problem>* problems);

// Both, own winning.
google::protobuf::Struct MergeConfigs(const FlatConfig& defaults, const FlatConfig& own);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_CONFIG_H_
