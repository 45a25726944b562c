// The configuration files of dm-master and dm-worker.
#ifndef DMGR_SERVER_RENDER_TOML_CONFIG_H_
#define DMGR_SERVER_RENDER_TOML_CONFIG_H_

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/topology/topology.h"

namespace dmgr::render {

// base (the package's file, named base_path in messages) with the keys of config put over it:
// dotted ones become nested tables, whole numbers integers unless DM wants a float there. What the
// run script says by flags (names, addresses, directories, members) is left out. INVALID_ARGUMENT
// names every key that the component does not know in this version: DM would exit at it. tls: keys
// that say where its certificates are.
absl::StatusOr<std::string> MergeToml(const std::string& base_path, const std::string& base,
                                      const google::protobuf::Struct& config,
                                      topology::Component component, const std::string& version,
                                      const std::map<std::string, std::string>& tls = {});

// Empty, or why text is no TOML.
std::string TomlProblem(const std::string& path, const std::string& text);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_TOML_CONFIG_H_
