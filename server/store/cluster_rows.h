// What the files of the cluster store share. Included by no other room.
#ifndef DMGR_SERVER_STORE_CLUSTER_ROWS_H_
#define DMGR_SERVER_STORE_CLUSTER_ROWS_H_

#include <string>

#include "absl/status/status.h"

namespace dmgr::store {

// By the number of the enum.
inline constexpr const char* kMembershipWords[] = {"Founder", "Joining", "Joined"};

absl::Status ClusterNotFound(const std::string& name);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_CLUSTER_ROWS_H_
