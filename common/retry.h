// Refusals that pass: when to try again.
#ifndef DMGR_COMMON_RETRY_H_
#define DMGR_COMMON_RETRY_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace dmgr {

// The same error with a google.rpc.RetryInfo.
absl::Status RetryAfter(absl::Status error, absl::Duration delay);
// What RetryAfter told; zero when nothing did.
absl::Duration RetryDelay(const absl::Status& error);

}  // namespace dmgr

#endif  // DMGR_COMMON_RETRY_H_
