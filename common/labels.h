// Labels and descriptions: what users write at clusters and machines for themselves.
#ifndef DMGR_COMMON_LABELS_H_
#define DMGR_COMMON_LABELS_H_

#include <google/protobuf/map.h>

#include <string>

#include "absl/status/status.h"

namespace dmgr {

// INVALID_ARGUMENT that names each wrong field below `prefix` ("machine."; may be empty): labels
// are at most 64, a key is 1 to 63 of letters, digits and . _ / -, a value at most 255 bytes; a
// description has at most 1024 bytes. A line break is in neither.
absl::Status CheckLabels(const std::string& prefix, const std::string& description,
                         const google::protobuf::Map<std::string, std::string>& labels);

}  // namespace dmgr

#endif  // DMGR_COMMON_LABELS_H_
