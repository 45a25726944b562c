// Waiting: every wait of the far end has a deadline and ends early when the request is cancelled.
#ifndef DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_
#define DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_

#include <time.h>

#include <chrono>
#include <cstdint>

namespace dmgr::far {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline std::uint64_t Microseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000 +
         static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

// Of one of the system's clocks, now.
inline std::uint64_t MicrosecondsOf(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return Microseconds(now);
}

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_CLOCK_H_
