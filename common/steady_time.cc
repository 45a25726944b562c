#include "common/steady_time.h"

#include <chrono>

#include "absl/time/clock.h"

namespace dmgr {

absl::Time SteadyNow() {
  using Clock = std::chrono::steady_clock;
  struct Begin {
    absl::Time wall = absl::Now();
    Clock::time_point steady = Clock::now();
  };
  static const Begin begin;
  return begin.wall + absl::FromChrono(Clock::now() - begin.steady);
}

}  // namespace dmgr
