// Takes names out of errors. Private to this room.
#ifndef DMGR_SERVER_RPC_HIDDEN_NAMES_H_
#define DMGR_SERVER_RPC_HIDDEN_NAMES_H_

#include <set>
#include <string>

#include "absl/status/status.h"

namespace dmgr::rpc {

// "another cluster" in place of each of these names, where it stands as a word of its own.
std::string WithoutNames(const std::set<std::string>& names, const std::string& text);
// The same for all texts of an error, with its details.
absl::Status WithoutNames(const std::set<std::string>& names, const absl::Status& status);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_HIDDEN_NAMES_H_
