// The configuration files of dm-master and dm-worker, read.
#ifndef DMGR_SERVER_RENDER_READ_TOML_H_
#define DMGR_SERVER_RENDER_READ_TOML_H_

#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/topology/topology.h"

namespace dmgr::render {

// What a dm-master.toml or dm-worker.toml says that a topology may say. INVALID_ARGUMENT when it is
// no TOML.
absl::StatusOr<google::protobuf::Struct> ReadToml(const std::string& text,
                                                  topology::Component component);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_READ_TOML_H_
