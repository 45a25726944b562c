#include "server/engine/step_run.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::engine {
namespace {

constexpr std::chrono::milliseconds kProgressPeriod(1000);
constexpr absl::Duration kFirstDelay = absl::Seconds(1);
// Times after it can still be counted.
constexpr absl::Duration kMaxLimit = absl::Hours(24 * 365);
constexpr std::size_t kMaxLogBytes = 8192;
constexpr std::string_view kCut = " [cut]";

// At most kMaxLogBytes, without a part of a character at its end.
std::string CutLog(const std::string& text) {
  if (text.size() <= kMaxLogBytes) return text;
  std::size_t size = kMaxLogBytes - kCut.size();
  while (size > 0 && (text[size] & 0xc0) == 0x80) --size;
  return text.substr(0, size).append(kCut);
}

// Runs code of a runner; what it throws ends here. The log gets what a client must not see.
template <typename F>
auto Guarded(const std::string& what, const F& code) -> decltype(code()) {
  try {
    return code();
  } catch (const std::exception& e) {
    spdlog::error("{}: unexpected exception: {}", what, e.what());
  } catch (...) {
    spdlog::error("{}: unexpected exception", what);
  }
  return Error(absl::StatusCode::kInternal, "RUNNER_FAILED", "unexpected failure in dmgrd")
      .Remedy("see the log of dmgrd and report this as a bug of dmgr; then resume the operation");
}

}  // namespace

StepRun::StepRun(const Environment* environment, const store::OperationRecord* operation,
                 const store::StepRecord* step, Work work, Scope* scope, Lease* lease)
    : environment_(environment),
      operation_(operation),
      step_(*step),
      work_(work),
      scope_(scope),
      runner_(environment->registry->Find(step->runner)),
      lease_(lease) {}

bool StepRun::Cancelled() const {
  if (lease_->MustEnd()) return true;
  const auto seen = lease_->CancelSeen();
  return seen != Lease::Clock::time_point::max() &&
         Lease::Clock::now() - seen >= absl::ToChronoNanoseconds(environment_->cancel_grace);
}

absl::Status StepRun::Reach(Moment moment) const {
  const FaultHook& hook = environment_->fault_hook;
  return hook ? hook(moment, id()) : absl::OkStatus();
}

StepRun::End StepRun::Run(StepRun* next) {
  if (!begun_ && !Begin()) return End::kLeft;
  absl::Duration delay = kFirstDelay;
  for (int attempt = 1;; ++attempt, delay *= 2) {
    absl::Status error = Attempt(next);
    if (error.ok()) return gone_ ? End::kGone : End::kSucceeded;
    if (lease_->MustEnd()) return End::kLeft;
    if (absl::IsCancelled(error) && lease_->CancelRequested()) return Cancel();
    if (!absl::IsUnavailable(error) || attempt >= environment_->attempts)
      return Fail(std::move(error));
    Log(v1::LogLine::LEVEL_WARNING,
        fmt::format("attempt {} of {} failed: {}; the next one begins in {} s", attempt,
                    environment_->attempts, Message(error), absl::ToInt64Seconds(delay)));
    if (lease_->Pause(delay) && Begin()) continue;
    // A cancel waits for the steps that run, so that each has an end.
    const bool left = lease_->MustEnd() || lease_->Stopping();
    return left ? End::kLeft : Fail(std::move(error));
  }
}

absl::StatusOr<bool> StepRun::IsSet(store::Transaction& tx, v1::StepState state) {
  RETURN_IF_ERROR(store::CheckClaim(tx, claim()));
  ASSIGN_OR_RETURN(const auto record, store::GetOperation(tx, claim().operation_id));
  for (const store::StepRecord& stored : record.steps) {
    if (stored.step.step_id() != id()) continue;
    return stored.step.state() == state && stored.step.attempts() == step_.step.attempts();
  }
  return false;
}

absl::StatusOr<bool> StepRun::Record(v1::StepState state, const absl::Status& error,
                                     const std::string& result_json,
                                     const std::function<absl::Status(store::Transaction&)>& commit,
                                     const StepRun* next) {
  // Of the last try, which is the one that counts, also when its commit was in doubt.
  bool cancelled = false;
  bool begun = false;
  RETURN_IF_ERROR(lease_->Write([&](store::Transaction& tx, bool in_doubt) -> absl::Status {
    if (in_doubt) {
      ASSIGN_OR_RETURN(const bool is_set, IsSet(tx, state));
      if (is_set) return absl::OkStatus();
    }
    store::StepChange change{.step_id = id(),
                             .state = state,
                             .error = error,
                             .result_json = result_json,
                             .bytes = unstored_};
    if (next != nullptr && lease_->MayBegin()) change.next = next->id();
    ASSIGN_OR_RETURN(begun, store::SetStepState(tx, claim(), change));
    cancelled = !begun && !change.next.empty();
    return commit == nullptr ? absl::OkStatus() : Guarded(Name(), [&] { return commit(tx); });
  }));
  unstored_.reset();
  if (cancelled) lease_->RequestCancel();
  return begun;
}

void StepRun::GiveUp(const absl::Status& status) {
  if (lease_->MustEnd()) return;
  spdlog::error("{}: cannot be recorded and is begun again later: {}", Name(), Message(status));
  lease_->Lose();
}

bool StepRun::Begin() {
  if (work_ == Work::kCheck) return true;
  step_.step.set_attempts(step_.step.attempts() + 1);
  const absl::Status status = Record(v1::STEP_STATE_RUNNING);
  if (status.ok()) return true;
  step_.step.set_attempts(step_.step.attempts() - 1);
  if (absl::IsCancelled(status)) {
    lease_->RequestCancel();
  } else {
    GiveUp(status);
  }
  return false;
}

absl::Status StepRun::Attempt(StepRun* next) {
  if (work_ == Work::kCheck) return CheckDone();
  RETURN_IF_ERROR(Reach(Moment::kBeforeEffect));
  const auto result = Bounded<StepResult>([this](StepRunner& runner) {
    return work_ == Work::kUndo ? runner.Undo(*this) : runner.Run(*this);
  });
  if (!result.ok()) return result.status();
  RETURN_IF_ERROR(Reach(Moment::kAfterEffect));
  RETURN_IF_ERROR(RecordEffect(*result, next));
  if (result->commit != nullptr) scope_->OnRecorded();
  Reach(Moment::kCommitted).IgnoreError();
  return absl::OkStatus();
}

absl::Status StepRun::RecordEffect(const StepResult& result, StepRun* next) {
  const auto state = work_ == Work::kUndo ? v1::STEP_STATE_UNDONE : v1::STEP_STATE_SUCCEEDED;
  ASSIGN_OR_RETURN(const bool begun,
                   Record(state, absl::OkStatus(), result.result_json, result.commit, next));
  if (!begun) return absl::OkStatus();
  next->begun_ = true;
  next->step_.step.set_attempts(next->step_.step.attempts() + 1);
  return absl::OkStatus();
}

absl::Status StepRun::CheckDone() {
  ASSIGN_OR_RETURN(const bool done,
                   Bounded<bool>([this](StepRunner& runner) { return runner.IsDone(*this); }));
  if (done) return absl::OkStatus();
  Log(v1::LogLine::LEVEL_WARNING, "what this step did is gone: it is done again");
  gone_ = true;
  return Record(v1::STEP_STATE_PENDING);
}

template <typename T, typename Call>
absl::StatusOr<T> StepRun::Bounded(const Call& call) {
  return Guarded(Name(), [&]() -> absl::StatusOr<T> {
    const absl::Duration limit = std::min(runner_->Deadline(), kMaxLimit);
    deadline_ = SteadyNow() + limit;
    must_have_ended_ = Lease::Clock::now() + absl::ToChronoNanoseconds(limit);
    next_progress_ = Lease::Clock::now() + kProgressPeriod;
    const absl::Cleanup ended = [&] { must_have_ended_ = Lease::Clock::time_point::max(); };
    return call(*runner_);
  });
}

StepRun::End StepRun::Cancel() {
  const absl::Status recorded = Record(v1::STEP_STATE_CANCELLED);
  if (recorded.ok()) return End::kCancelled;
  GiveUp(recorded);
  return End::kLeft;
}

StepRun::End StepRun::Fail(absl::Status error) {
  failed_at_ = Lease::Clock::now();
  const absl::Status recorded = Record(v1::STEP_STATE_FAILED, error);
  if (!recorded.ok()) {
    GiveUp(recorded);
    return End::kLeft;
  }
  error_ = std::move(error);
  return End::kFailed;
}

absl::StatusOr<std::string> StepRun::ResultOf(const std::string& step_id) {
  std::string result;
  RETURN_IF_ERROR(environment_->database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(result, store::GetStepResult(tx, claim().operation_id, step_id));
    return absl::OkStatus();
  }));
  return result;
}

absl::Status StepRun::CheckClaim() {
  return lease_->Write(
      [&](store::Transaction& tx, bool) { return store::CheckClaim(tx, claim()); });
}

void StepRun::Progress(std::uint64_t bytes_done, std::uint64_t bytes_total) {
  unstored_ = {bytes_done, bytes_total};
  if (Lease::Clock::now() < next_progress_) return;
  const absl::Status status = lease_->TryWrite([&](store::Transaction& tx) {
    return store::AddProgress(tx, claim(), id(), bytes_done, bytes_total);
  });
  // Bytes go on to move while the database is away; what was not stored comes with a later write.
  if (status.ok()) unstored_.reset();
  next_progress_ = Lease::Clock::now() + kProgressPeriod;
}

void StepRun::Log(v1::LogLine::Level level, const std::string& text) {
  const absl::Status status = lease_->Write([&](store::Transaction& tx, bool in_doubt) {
    // Rather lost in such a moment than there twice.
    if (in_doubt) return absl::OkStatus();
    return store::AddLog(tx, claim(), id(), level, CutLog(text));
  });
  if (!status.ok()) spdlog::warn("{}: a log line is lost: {}", Name(), Message(status));
}

std::string StepRun::Name() const {
  return fmt::format("operation {}, step {}", lease_->claim().operation_id, id());
}

}  // namespace dmgr::engine
