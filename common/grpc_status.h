// The one place where absl::Status and grpc::Status become each other.
#ifndef DMGR_COMMON_GRPC_STATUS_H_
#define DMGR_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace dmgr {

// Payloads become the details of a google.rpc.Status in grpc-status-details-bin. What would not
// arrive for its size, which clients limit to 8 KiB, is shortened; see ShortStatus().
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace dmgr

#endif  // DMGR_COMMON_GRPC_STATUS_H_
