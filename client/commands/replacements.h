// Machines that are given up for others, as they are typed.
#ifndef DMGR_CLIENT_COMMANDS_REPLACEMENTS_H_
#define DMGR_CLIENT_COMMANDS_REPLACEMENTS_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {

// Reads pairs "OLD=NEW" of an option. INVALID_ARGUMENT, which names the option and the pair.
absl::Status ReadReplacements(const std::string& option, const std::vector<std::string>& pairs,
                              google::protobuf::RepeatedPtrField<v1::Replacement>* replacements);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_REPLACEMENTS_H_
