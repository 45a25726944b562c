// Waiting: every wait of the far end has a deadline and ends early when the request is cancelled.
#ifndef DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_
#define DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_

#include <chrono>

namespace dmgr::far {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_
