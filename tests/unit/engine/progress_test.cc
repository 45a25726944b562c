// How far an operation was after each of its events.
#include "server/engine/progress.h"

#include <catch2/catch.hpp>

namespace dmgr::engine {
namespace {

// Steps a (weight 1, moves 100 bytes) and b (weight 3).
store::OperationRecord Record() {
  store::OperationRecord record;
  record.operation.set_state(v1::OPERATION_STATE_QUEUED);
  record.operation.set_phase(v1::OPERATION_PHASE_FORWARD);
  for (const char* id : {"a", "b"}) {
    store::StepRecord step;
    step.step.set_step_id(id);
    step.step.set_state(v1::STEP_STATE_PENDING);
    step.weight = *id == 'a' ? 1 : 3;
    record.steps.push_back(step);
  }
  record.steps[0].step.set_bytes_total(100);
  return record;
}

v1::OperationEvent StateOf(v1::OperationState state) {
  v1::OperationEvent event;
  event.mutable_operation_state()->set_state(state);
  return event;
}

v1::OperationEvent StepOf(const std::string& id, v1::StepState state) {
  v1::OperationEvent event;
  event.mutable_step_state()->set_step_id(id);
  event.mutable_step_state()->set_state(state);
  event.mutable_step_state()->set_attempt(1);
  return event;
}

v1::OperationEvent BytesOf(const std::string& id, std::uint64_t done) {
  v1::OperationEvent event;
  event.mutable_step_progress()->set_step_id(id);
  event.mutable_step_progress()->set_bytes_done(done);
  event.mutable_step_progress()->set_bytes_total(100);
  return event;
}

TEST_CASE("steps count by their weight, and by the bytes that they have moved") {
  Progress progress = Progress::AtBegin(Record());
  const auto after = [&](const v1::OperationEvent& event) {
    progress.Apply(event);
    return progress.percent();
  };
  CHECK(progress.percent() == 0);
  CHECK(after(StateOf(v1::OPERATION_STATE_RUNNING)) == 0);
  CHECK(after(StepOf("a", v1::STEP_STATE_RUNNING)) == 0);
  CHECK(after(BytesOf("a", 40)) == Approx(10));
  // A step that begins again takes nothing back.
  CHECK(after(BytesOf("a", 20)) == Approx(10));
  CHECK(after(StepOf("a", v1::STEP_STATE_SUCCEEDED)) == Approx(25));
  CHECK(after(StepOf("nobody", v1::STEP_STATE_SUCCEEDED)) == Approx(25));
  CHECK(after(StepOf("b", v1::STEP_STATE_SKIPPED)) == Approx(100));
  CHECK(after(StateOf(v1::OPERATION_STATE_SUCCEEDED)) == 100);
}

TEST_CASE("a rollback counts the steps that were begun") {
  Progress progress = Progress::AtBegin(Record());
  progress.Apply(StepOf("b", v1::STEP_STATE_FAILED));
  progress.Apply(StateOf(v1::OPERATION_STATE_FAILED));
  progress.Apply(StateOf(v1::OPERATION_STATE_ROLLING_BACK));
  CHECK(progress.percent() == 0);
  progress.Apply(StepOf("b", v1::STEP_STATE_UNDONE));
  CHECK(progress.percent() == 100);
}

TEST_CASE("an operation is as far as its record says, without its events") {
  store::OperationRecord record = Record();
  record.steps[0].step.set_state(v1::STEP_STATE_SUCCEEDED);
  record.steps[0].step.set_attempts(1);
  CHECK(Progress::Now(record).percent() == Approx(25));
  CHECK(Progress::AtBegin(record).percent() == 0);
  record.operation.set_state(v1::OPERATION_STATE_ROLLED_BACK);
  CHECK(Progress::Now(record).percent() == 100);
  record.steps.clear();
  record.operation.set_state(v1::OPERATION_STATE_RUNNING);
  CHECK(Progress::Now(record).percent() == 0);
}

}  // namespace
}  // namespace dmgr::engine
