// The time that deadlines and waits are counted in.
#ifndef DMGR_COMMON_STEADY_TIME_H_
#define DMGR_COMMON_STEADY_TIME_H_

#include "absl/time/time.h"

namespace dmgr {

// That of the wall clock when this was first called, and from then on by a clock that nobody sets:
// an hour put right on the machine ends no step and lengthens no wait. Means nothing to others: it
// is neither stored nor sent. Thread-safe.
absl::Time SteadyNow();

}  // namespace dmgr

#endif  // DMGR_COMMON_STEADY_TIME_H_
