#include "server/engine/progress.h"

#include <algorithm>

namespace dmgr::engine {
namespace {

double ShareOf(std::uint64_t done, std::uint64_t total) {
  if (total == 0) return 0;
  return std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
}

}  // namespace

double Progress::Step::done() const {
  const bool ended = state == v1::STEP_STATE_SUCCEEDED || state == v1::STEP_STATE_SKIPPED;
  return ended ? 1 : share;
}

void Progress::Add(const Step& step, double sign) {
  all_ += sign * step.weight;
  done_ += sign * step.weight * step.done();
  if (step.begun) begun_ += sign * step.weight;
  if (step.state == v1::STEP_STATE_UNDONE) undone_ += sign * step.weight;
}

Progress Progress::Now(const store::OperationRecord& record) {
  Progress progress;
  progress.state_ = record.operation.state();
  progress.phase_ = record.operation.phase();
  for (const store::StepRecord& stored : record.steps) {
    const v1::OperationStep& s = stored.step;
    const Step step{stored.weight, s.state(), s.attempts() > 0,
                    ShareOf(s.bytes_done(), s.bytes_total())};
    progress.Add(step, 1);
    progress.steps_.emplace(s.step_id(), step);
  }
  return progress;
}

Progress Progress::AtBegin(const store::OperationRecord& record) {
  Progress progress;
  for (const store::StepRecord& stored : record.steps) {
    Step step;
    step.weight = stored.weight;
    progress.Add(step, 1);
    progress.steps_.emplace(stored.step.step_id(), step);
  }
  return progress;
}

void Progress::Apply(const v1::OperationEvent& event) {
  if (event.has_operation_state()) {
    state_ = event.operation_state().state();
    if (state_ == v1::OPERATION_STATE_ROLLING_BACK) phase_ = v1::OPERATION_PHASE_ROLLBACK;
    return;
  }
  const bool is_state = event.has_step_state();
  if (!is_state && !event.has_step_progress()) return;
  const auto found =
      steps_.find(is_state ? event.step_state().step_id() : event.step_progress().step_id());
  if (found == steps_.end()) return;
  Step& step = found->second;
  Add(step, -1);
  if (is_state) {
    step.state = event.step_state().state();
    step.begun = step.begun || event.step_state().attempt() > 0;
  } else {
    // A step that begins again takes no progress back.
    step.share = std::max(step.share, ShareOf(event.step_progress().bytes_done(),
                                              event.step_progress().bytes_total()));
  }
  Add(step, 1);
}

double Progress::percent() const {
  if (state_ == v1::OPERATION_STATE_SUCCEEDED || state_ == v1::OPERATION_STATE_ROLLED_BACK) {
    return 100;
  }
  const bool back = phase_ == v1::OPERATION_PHASE_ROLLBACK;
  const double whole = back ? begun_ : all_;
  if (whole <= 0) return 0;
  return std::clamp(100 * (back ? undone_ : done_) / whole, 0.0, 100.0);
}

}  // namespace dmgr::engine
