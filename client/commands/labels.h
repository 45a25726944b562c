// Labels as people type them.
#ifndef DMGR_CLIENT_COMMANDS_LABELS_H_
#define DMGR_CLIENT_COMMANDS_LABELS_H_

#include <google/protobuf/map.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::client {

// "KEY=VALUE" sets a label, "KEY-" takes one off. INVALID_ARGUMENT for anything else.
absl::Status ChangeLabels(const std::vector<std::string>& changes,
                          google::protobuf::Map<std::string, std::string>* labels);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_LABELS_H_
