#include "client/commands/replacements.h"

#include "common/error.h"

namespace dmgr::client {

absl::Status ReadReplacements(const std::string& option, const std::vector<std::string>& pairs,
                              google::protobuf::RepeatedPtrField<v1::Replacement>* replacements) {
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "{} {}: must be OLD=NEW, two ids of machines", option, pair);
    }
    auto* replacement = replacements->Add();
    replacement->set_from_machine_id(pair.substr(0, equals));
    replacement->set_to_machine_id(pair.substr(equals + 1));
  }
  return absl::OkStatus();
}

}  // namespace dmgr::client
