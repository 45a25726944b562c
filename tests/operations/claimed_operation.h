// An operation whose steps a test runs one by one.
#ifndef DMGR_TESTS_OPERATIONS_CLAIMED_OPERATION_H_
#define DMGR_TESTS_OPERATIONS_CLAIMED_OPERATION_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/engine/runner.h"
#include "server/store/operation_store.h"
#include "tests/operations/stage.h"

namespace dmgr::test {

// The operation that waits on a stage, claimed as by a dmgrd. All on one thread; what fails ends
// the test.
class ClaimedOperation {
 public:
  explicit ClaimedOperation(Stage* stage);

  std::vector<store::StepRecord>& steps() { return record_.steps; }
  // Names of all that its plan names; they are registered.
  std::set<std::string> Runners();
  // The next that can run, in the order of the plan; nullptr when none is left.
  store::StepRecord* Next();

  // The effect alone, as of a dmgrd that is killed before it records it.
  engine::StepResult Effect(const store::StepRecord& step);
  // The same of a step that may fail.
  absl::StatusOr<engine::StepResult> Try(const store::StepRecord& step);
  engine::StepResult UndoEffect(const store::StepRecord& step);
  bool IsDone(const store::StepRecord& step);
  // What the last effect has told.
  const std::string& log() const { return log_; }

  // That it is under way.
  void Begin(const store::StepRecord& step);
  // With its state.
  void Record(store::StepRecord* step, const engine::StepResult& result, v1::StepState state);
  // What the step records, without its state.
  void Commit(const engine::StepResult& result);

  void End(v1::OperationState state);
  // As one that failed, and is claimed again.
  void RollBack();

 private:
  class Context;

  void Claim();
  bool IsReady(const store::StepRecord& step) const;
  engine::StepRunner& RunnerOf(const store::StepRecord& step);
  Context MakeContext(const store::StepRecord& step);
  engine::StepResult Did(
      const store::StepRecord& step,
      absl::StatusOr<engine::StepResult> (engine::StepRunner::*what)(engine::StepContext&));
  void Store(const std::function<absl::Status(store::Transaction&)>& work);

  Stage& stage_;
  store::OperationRecord record_;
  store::Claim claim_;
  std::unique_ptr<engine::Scope> scope_;
  std::string log_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_CLAIMED_OPERATION_H_
