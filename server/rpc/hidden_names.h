// Takes names out of errors. Private to this room.
#ifndef DMGR_SERVER_RPC_HIDDEN_NAMES_H_
#define DMGR_SERVER_RPC_HIDDEN_NAMES_H_

#include <set>
#include <string>

#include "absl/status/status.h"

namespace dmgr::rpc {

// "another cluster" in place of "cluster NAME", for each of these names. Nowhere else: what a
// caller sent itself, and got back changed, would tell that there is such a cluster.
std::string WithoutNames(const std::set<std::string>& names, const std::string& text);
// The same for all texts of an error, with its details.
absl::Status WithoutNames(const std::set<std::string>& names, const absl::Status& status);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_HIDDEN_NAMES_H_
