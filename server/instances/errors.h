// Private to this room: errors of hosts where no operation is that could be resumed.
#ifndef DMGR_SERVER_INSTANCES_ERRORS_H_
#define DMGR_SERVER_INSTANCES_ERRORS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "dmgr/v1/instance_service.pb.h"

namespace dmgr::instances {

// The same with a remedy that fits: what was tried by hand is tried again by hand.
absl::Status ByHand(const absl::Status& status);

v1::HostProblem Problem(std::size_t host_index, const absl::Status& status);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_ERRORS_H_
