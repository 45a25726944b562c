// What a host reports, as a status.
#ifndef DMGR_SERVER_HOST_NEAR_FAILURE_H_
#define DMGR_SERVER_HOST_NEAR_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "dmgr/host/v1/host.pb.h"

namespace dmgr::host {

// Never OK, whatever the host sent.
absl::Status FailureStatus(const std::string& host, const v1::Failure& failure);

// UNAVAILABLE, FAR_END_LOST.
absl::Status FarEndLost(const std::string& host, const std::string& cause);

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_FAILURE_H_
