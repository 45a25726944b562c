#include "server/rpc/pace.h"

#include "common/error.h"

namespace dmgr::rpc {

Pace::Runner::Runner(Pace* pace, std::function<void()> stop) : pace_(pace), stop_(std::move(stop)) {
  const std::lock_guard lock(pace_->mutex_);
  pace_->runners_.insert(this);
}

Pace::Runner::~Runner() {
  const std::lock_guard lock(pace_->mutex_);
  pace_->runners_.erase(this);
}

void Pace::Runner::BeginWait() {
  const std::lock_guard lock(pace_->mutex_);
  is_waited_for_ = true;
  began_ = Clock::now();
}

void Pace::Runner::EndWait(std::size_t bytes) {
  const std::lock_guard lock(pace_->mutex_);
  is_waited_for_ = false;
  waited_ += Clock::now() - began_;
  bytes_ += bytes;
}

absl::Status Pace::Runner::status() const {
  const std::lock_guard lock(pace_->mutex_);
  if (!is_slow_) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "UPLOAD_TOO_SLOW",
               "less than {} KiB came in {} while they were waited for", pace_->least_ >> 10,
               absl::FormatDuration(absl::FromChrono(pace_->period_)))
      .Remedy("look at the network, then upload it again: it goes on where it stopped");
}

void Pace::Runner::Look(Clock::time_point now) {
  const Clock::duration waited = waited_ + (is_waited_for_ ? now - began_ : Clock::duration(0));
  if (is_slow_ || waited < pace_->period_) return;
  if (bytes_ >= pace_->least_) {
    bytes_ = 0;
    waited_ = Clock::duration(0);
    began_ = now;
    return;
  }
  is_slow_ = true;
  stop_();
}

void Pace::Look(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (Runner* runner : runners_) runner->Look(now);
}

}  // namespace dmgr::rpc
