// One step of a running operation, from its beginning to its recorded end.
#ifndef DMGR_SERVER_ENGINE_STEP_RUN_H_
#define DMGR_SERVER_ENGINE_STEP_RUN_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/engine/environment.h"
#include "server/engine/lease.h"
#include "server/engine/runner.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

// Run is called once, on the step's thread, which alone may use the StepContext.
class StepRun final : public StepContext {
 public:
  enum class Work { kRun, kUndo, kCheck };
  enum class End {
    kSucceeded,
    kFailed,
    // Cut short, since the operation is cancelled.
    kCancelled,
    // kCheck found its effect gone: it is PENDING again.
    kGone,
    // Not begun, or stopped early: it is left for the next who claims the operation. Then, and only
    // then, the lease says that no step may begin.
    kLeft,
    // Of one that was to begin with the end of another, which ended otherwise.
    kWaits,
  };

  // All must outlive it.
  StepRun(const Environment* environment, const store::OperationRecord* operation,
          const store::StepRecord* step, Work work, Scope* scope, Lease* lease);

  // Begins the step (a check records no beginning), does the work with its repeats, and records how
  // it ended. next, if any, is run next on this thread: when this one succeeds, it begins in the
  // same transaction, and IsBegun().
  End Run(StepRun* next);
  bool IsBegun() const { return begun_; }
  // Of a step that FAILED.
  const absl::Status& error() const { return error_; }
  Lease::Clock::time_point failed_at() const { return failed_at_; }
  // When the present attempt must have ended; max() when the runner does not run. Thread-safe.
  Lease::Clock::time_point MustHaveEnded() const { return must_have_ended_; }

  const store::OperationRecord& operation() const override { return *operation_; }
  const store::StepRecord& step() const override { return step_; }
  store::Claim claim() const override { return lease_->claim(); }
  Scope& scope() override { return *scope_; }
  absl::StatusOr<std::string> ResultOf(const std::string& step_id) override;
  absl::Time deadline() const override { return deadline_; }
  bool Cancelled() const override;
  absl::Status CheckClaim() override;
  void Progress(std::uint64_t bytes_done, std::uint64_t bytes_total) override;
  void Log(v1::LogLine::Level level, const std::string& text) override;

 private:
  const std::string& id() const { return step_.step.step_id(); }
  // For dmgrd's log.
  std::string Name() const;
  // Records RUNNING. False: the step is not to be run now.
  bool Begin();
  absl::Status Reach(Moment moment) const;
  // Does the work once and records that it succeeded, and that the next one begins.
  absl::Status Attempt(StepRun* next);
  absl::Status RecordEffect(const StepResult& result, StepRun* next);
  absl::Status CheckDone();
  // Calls the runner, within its deadline.
  template <typename T, typename Call>
  absl::StatusOr<T> Bounded(const Call& call);
  // Records how it ended without success.
  End Fail(absl::Status error);
  End Cancel();
  // Sets the step's state, with the progress that is not stored yet, runs `commit`, if any, and
  // begins next, if any: all or nothing. Nothing when a try whose commit was in doubt has done it.
  // Whether next began.
  absl::StatusOr<bool> Record(v1::StepState state, const absl::Status& error,
                              const std::string& result_json,
                              const std::function<absl::Status(store::Transaction&)>& commit,
                              const StepRun* next);
  absl::Status Record(v1::StepState state, const absl::Status& error = absl::OkStatus()) {
    return Record(state, error, "{}", nullptr, nullptr).status();
  }
  // A step whose state cannot be recorded makes the whole operation begin again later.
  void GiveUp(const absl::Status& status);
  absl::StatusOr<bool> IsSet(store::Transaction& tx, v1::StepState state);

  const Environment* environment_;
  const store::OperationRecord* operation_;
  store::StepRecord step_;  // attempts: with the present one.
  const Work work_;
  Scope* scope_;
  StepRunner* runner_;  // Known: see Abilities.
  Lease* lease_;

  absl::Status error_;
  Lease::Clock::time_point failed_at_ = Lease::Clock::time_point::max();
  bool begun_ = false;
  bool gone_ = false;
  absl::Time deadline_ = absl::InfiniteFuture();
  std::atomic<Lease::Clock::time_point> must_have_ended_ = Lease::Clock::time_point::max();
  std::optional<store::StepChange::Bytes> unstored_;
  Lease::Clock::time_point next_progress_ = Lease::Clock::time_point::min();
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_STEP_RUN_H_
