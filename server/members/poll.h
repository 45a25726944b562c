// Waiting for a condition that nobody announces.
#ifndef DMGR_SERVER_MEMBERS_POLL_H_
#define DMGR_SERVER_MEMBERS_POLL_H_

#include <chrono>
#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/steady_time.h"

namespace dmgr::members {

// Asks `done` every 75 ms until it says true or fails. DEADLINE_EXCEEDED or CANCELLED else. Asked
// at least once.
inline absl::Status PollUntil(absl::Time deadline, const std::function<bool()>& cancelled,
                              const std::function<absl::StatusOr<bool>()>& done) {
  while (true) {
    const absl::StatusOr<bool> answer = done();
    if (!answer.ok()) return answer.status();
    if (*answer) return absl::OkStatus();
    if (cancelled()) return absl::CancelledError("cancelled while waiting");
    if (SteadyNow() >= deadline) return absl::DeadlineExceededError("the wait took too long");
    std::this_thread::sleep_for(std::chrono::milliseconds(75));
  }
}

// True at most once in a period.
class Throttle {
 public:
  explicit Throttle(absl::Duration period) : period_(period), next_(SteadyNow() + period) {}
  bool Due() {
    if (SteadyNow() < next_) return false;
    next_ = SteadyNow() + period_;
    return true;
  }

 private:
  const absl::Duration period_;
  absl::Time next_;
};

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_POLL_H_
