#include "tests/operations/claimed_operation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/engine/plan.h"
#include "tests/store/samples.h"

namespace dmgr::test {

using engine::StepResult;
using engine::StepRunner;
using store::OperationRecord;
using store::StepRecord;

namespace {

// Long enough for whoever waits for something; nothing here has to be waited for.
constexpr absl::Duration kPatience = absl::Seconds(40);
constexpr absl::Duration kLease = absl::Hours(1);

}  // namespace

class ClaimedOperation::Context final : public engine::StepContext {
 public:
  Context(store::Database* database, const OperationRecord* operation, StepRecord step,
          store::Claim claim, engine::Scope* scope, absl::Duration limit)
      : database_(database),
        operation_(operation),
        step_(std::move(step)),
        claim_(std::move(claim)),
        scope_(scope),
        deadline_(absl::Now() + std::min(limit, kPatience)) {}

  const OperationRecord& operation() const override { return *operation_; }
  const StepRecord& step() const override { return step_; }
  store::Claim claim() const override { return claim_; }
  engine::Scope& scope() override { return *scope_; }
  absl::StatusOr<std::string> ResultOf(const std::string& step_id) override {
    return store::Get(*database_, [&](store::Transaction& tx) {
      return store::GetStepResult(tx, claim_.operation_id, step_id);
    });
  }
  absl::Time deadline() const override { return deadline_; }
  bool Cancelled() const override { return absl::Now() >= deadline_; }
  absl::Status CheckClaim() override {
    return database_->Transact(
        [&](store::Transaction& tx) { return store::CheckClaim(tx, claim_); });
  }
  void Progress(std::uint64_t, std::uint64_t) override {}
  void Log(v1::LogLine::Level, const std::string& text) override { log_ += text + "\n"; }
  const std::string& log() const { return log_; }

 private:
  store::Database* const database_;
  const OperationRecord* const operation_;
  const StepRecord step_;
  const store::Claim claim_;
  engine::Scope* const scope_;
  const absl::Time deadline_;
  std::string log_;
};

ClaimedOperation::ClaimedOperation(Stage* stage) : stage_(*stage) { Claim(); }

void ClaimedOperation::Claim() {
  const auto claimed = store::Get(stage_.database(), [this](store::Transaction& tx) {
    return store::ClaimOperation(tx, "rehearsal", {engine::kPlanFormat, stage_.registry().Names()},
                                 kLease);
  });
  REQUIRE(claimed.has_value());
  record_ = *claimed;
  claim_ = {record_.operation.operation_id(), record_.epoch};
  scope_ = stage_.scopes()(record_);
}

std::set<std::string> ClaimedOperation::Runners() {
  std::set<std::string> names;
  for (const auto& step : record_.steps) {
    RunnerOf(step);
    names.insert(step.runner);
  }
  return names;
}

StepRecord* ClaimedOperation::Next() {
  for (auto& step : record_.steps) {
    if (step.step.state() == v1::STEP_STATE_PENDING && IsReady(step)) return &step;
  }
  return nullptr;
}

bool ClaimedOperation::IsReady(const StepRecord& step) const {
  return std::ranges::all_of(step.step.depends_on(), [&](const std::string& id) {
    return std::ranges::any_of(record_.steps, [&](const StepRecord& other) {
      return other.step.step_id() == id && other.step.state() == v1::STEP_STATE_SUCCEEDED;
    });
  });
}

StepRunner& ClaimedOperation::RunnerOf(const StepRecord& step) {
  StepRunner* runner = stage_.registry().Find(step.runner);
  INFO("runner " << step.runner);
  REQUIRE(runner != nullptr);
  return *runner;
}

ClaimedOperation::Context ClaimedOperation::MakeContext(const StepRecord& step) {
  // Other hosts had their turn since: one that heard nothing for long has ended.
  if (!step.step.host().empty()) scope_->OnIdle(step.step.host());
  return Context(&stage_.database(), &record_, step, claim_, scope_.get(),
                 RunnerOf(step).Deadline());
}

StepResult ClaimedOperation::Did(
    const StepRecord& step, absl::StatusOr<StepResult> (StepRunner::*what)(engine::StepContext&)) {
  Context context = MakeContext(step);
  const auto result = (RunnerOf(step).*what)(context);
  log_ = context.log();
  INFO(log_);
  REQUIRE_OK(result.status());
  return *result;
}

StepResult ClaimedOperation::Effect(const StepRecord& step) { return Did(step, &StepRunner::Run); }

absl::StatusOr<StepResult> ClaimedOperation::Try(const StepRecord& step) {
  Context context = MakeContext(step);
  return RunnerOf(step).Run(context);
}

StepResult ClaimedOperation::UndoEffect(const StepRecord& step) {
  return Did(step, &StepRunner::Undo);
}

bool ClaimedOperation::IsDone(const StepRecord& step) {
  Context context = MakeContext(step);
  const auto done = RunnerOf(step).IsDone(context);
  REQUIRE_OK(done.status());
  return *done;
}

void ClaimedOperation::Store(const std::function<absl::Status(store::Transaction&)>& work) {
  REQUIRE_OK(stage_.database().Transact(work));
}

void ClaimedOperation::Begin(const StepRecord& step) {
  Store([&](store::Transaction& tx) {
    return store::SetStepState(tx, claim_,
                               {.step_id = step.step.step_id(), .state = v1::STEP_STATE_RUNNING})
        .status();
  });
}

void ClaimedOperation::Record(StepRecord* step, const StepResult& result, v1::StepState state) {
  const bool succeeded = state == v1::STEP_STATE_SUCCEEDED;
  Store([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::SetStepState(tx, claim_,
                                        {.step_id = step->step.step_id(),
                                         .state = state,
                                         .result_json = succeeded ? result.result_json : "{}"})
                        .status());
    return result.commit ? result.commit(tx) : absl::OkStatus();
  });
  step->step.set_state(state);
  if (succeeded) step->result_json = result.result_json;
  if (result.commit) scope_->OnRecorded();
}

void ClaimedOperation::Commit(const StepResult& result) {
  if (!result.commit) return;
  Store(result.commit);
  scope_->OnRecorded();
}

void ClaimedOperation::End(v1::OperationState state) {
  scope_.reset();
  const absl::Status error =
      state == v1::OPERATION_STATE_SUCCEEDED || state == v1::OPERATION_STATE_ROLLED_BACK
          ? absl::OkStatus()
          : absl::AbortedError("the rehearsal ends here");
  Store([&](store::Transaction& tx) { return store::SetOperationState(tx, claim_, state, error); });
}

void ClaimedOperation::RollBack() {
  End(v1::OPERATION_STATE_FAILED);
  Store([&](store::Transaction& tx) { return store::RequestRollback(tx, claim_.operation_id); });
  Claim();
}

}  // namespace dmgr::test
