#include "tests/operations/rehearsal.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <utility>

#include "server/engine/runner.h"
#include "server/operations/clean/plan.h"
#include "server/operations/deploy/plan.h"
#include "server/operations/patch/plan.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/repair.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"
#include "server/operations/reload/plan.h"
#include "server/operations/rotate_key/plan.h"
#include "server/operations/scale/plan.h"
#include "server/operations/service/plan.h"
#include "server/operations/source/plan.h"
#include "server/operations/switch_tls/plan.h"
#include "server/operations/tune/plan.h"
#include "server/operations/upgrade/plan.h"
#include "tests/operations/claimed_operation.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

using engine::StepResult;
using store::StepRecord;
using Names = std::set<std::string>;

// Steps that can be looked at: the others have nothing of their own on a host that would tell.
const Names& WithALook() {
  static const Names kNames = {
      operations::kWorkspace,      operations::kPrepare,      operations::kRelease,
      operations::kInstall,        operations::kStart,        operations::kStop,
      operations::kEnable,         operations::kDisable,      operations::kUpgradeTree,
      operations::kUpgradeRelease, operations::kPatchRelease, operations::kJoin,
      operations::kStartNew,       operations::kTune,         operations::kAddKey,
      operations::kCreateSource,   operations::kStopSource,   operations::kBindSource,
      operations::kSetRelay};
  return kNames;
}

// Steps of which each takes all away that they have put on a host, since any may have been first.
const Names& TakingAllAway() {
  static const Names kNames = {operations::kPrepare, operations::kRelease, operations::kInstall};
  return kNames;
}

// Steps for what the call itself did: none of them does it again after its undo.
const Names& DoneByTheCall() {
  static const Names kNames = {operations::kRegister, operations::kRegisterNew};
  return kNames;
}

// Steps whose undo stops or starts what they have started or stopped. That changes what DM
// remembers: whoever has joined stays a member when it is stopped, and a new process knows nothing
// of an eviction.
const Names& RememberedByDm() {
  static const Names kNames = {operations::kStart, operations::kStop, operations::kStopToStart,
                               operations::kTellStop, operations::kStartAnew};
  return kNames;
}

// Steps that bring something to what is recorded: a rollback leaves it there.
const Names& KeptByARollback() {
  static const Names kNames = {operations::kRepairPlace,   operations::kRepairStop,
                               operations::kRepairStart,   operations::kRepairTurn,
                               operations::kRepairRest,    operations::kRepairDrop,
                               operations::kRecordRepaired};
  return kNames;
}

Scene WithoutMembers(Scene scene) {
  scene.members.clear();
  return scene;
}

Scene OnHost(const Scene& scene, const std::string& host) {
  Scene part;
  part.hosts[host] = scene.hosts.at(host);
  part.running[host] = scene.running.at(host);
  return part;
}

// Steps that only look: what they recorded stays.
const Names& Looking() {
  static const Names kNames = {operations::kSurvey,        operations::kSurveyUnits,
                               operations::kSurveyMembers, operations::kSurveyFiles,
                               operations::kSurveyTuning,  operations::kRepairLook,
                               operations::kCheckStopped};
  return kNames;
}

// The part of a rehearsal that ends before the point of no return.
class Trial {
 public:
  explicit Trial(Stage* stage)
      : stage_(*stage), run_(stage), began_(stage->Look()), seen_(began_) {}

  Names Runners() { return run_.Runners(); }

  // Answers with the names of those that came.
  Names Forward() {
    Names ran;
    while (StepRecord* step = run_.Next()) {
      if (step->step.point_of_no_return()) break;
      ran.insert(step->runner);
      Try(step);
    }
    return ran;
  }

  void Back() {
    run_.RollBack();
    auto& steps = run_.steps();
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      if (step->step.state() != v1::STEP_STATE_SUCCEEDED) continue;
      INFO("undo of step " << step->step.step_id());
      run_.Begin(*step);
      const StepResult undone = run_.UndoEffect(*step);
      run_.Record(&*step, undone, v1::STEP_STATE_UNDONE);
    }
    run_.End(v1::OPERATION_STATE_ROLLED_BACK);
  }

 private:
  void Try(StepRecord* step) {
    INFO("step " << step->step.step_id() << " of runner " << step->runner);
    const Scene before = std::exchange(seen_, {});
    const std::string& host = step->step.host();
    if (TakingAllAway().contains(step->runner)) first_.try_emplace(host, before);
    const bool done_before = run_.IsDone(*step);

    run_.Begin(*step);
    run_.Effect(*step);
    const Scene once = stage_.Look();
    const StepResult result = run_.Effect(*step);
    CHECK(Difference(once, stage_.Look()) == "");
    run_.Record(step, result, v1::STEP_STATE_SUCCEEDED);
    seen_ = once;
    seen_.record = stage_.LookAtRecord();
    CHECK(run_.IsDone(*step));
    if (WithALook().contains(step->runner)) {
      CHECK(done_before == Difference(before, once).empty());
    }
    if (Looking().contains(step->runner)) {
      CHECK(Difference(before, once) == "");
    } else if (!DoneByTheCall().contains(step->runner) &&
               !KeptByARollback().contains(step->runner)) {
      TakeBack(step, before);
    }
  }

  void TakeBack(StepRecord* step, const Scene& before) {
    run_.Commit(run_.UndoEffect(*step));
    const Scene undone = stage_.Look();
    CHECK(Difference(Expected(*step, before), WhatUndoMends(*step, undone)) == "");
    run_.Commit(run_.UndoEffect(*step));
    CHECK(Difference(undone, stage_.Look()) == "");
    const bool all = TakingAllAway().contains(step->runner);
    for (const auto& other : run_.steps()) {
      const bool gone = &other != step && all && other.step.host() == step->step.host() &&
                        TakingAllAway().contains(other.runner) &&
                        other.step.state() == v1::STEP_STATE_SUCCEEDED;
      if (gone) run_.Commit(run_.Effect(other));
    }
    run_.Commit(run_.Effect(*step));
    CHECK(Difference(seen_, stage_.Look()) == "");
  }

  // What the undo of a step that just ran is to leave.
  Scene Expected(const StepRecord& step, const Scene& before) const {
    const std::string& host = step.step.host();
    Scene expected =
        WhatUndoMends(step, TakingAllAway().contains(step.runner) ? first_.at(host) : before);
    if (step.runner != operations::kStart) return expected;
    // Whoever ran before the operation goes on.
    for (const auto& unit : began_.running.at(host)) {
      if (seen_.running.at(host).contains(unit)) expected.running[host].insert(unit);
    }
    return expected;
  }

  static Scene WhatUndoMends(const StepRecord& step, const Scene& scene) {
    if (TakingAllAway().contains(step.runner)) return OnHost(scene, step.step.host());
    return RememberedByDm().contains(step.runner) ? WithoutMembers(scene) : scene;
  }

  Stage& stage_;
  ClaimedOperation run_;
  const Scene began_;
  // After the last step: nothing comes between it and the next.
  Scene seen_;
  // What was there before the first of the steps that take all away, by host.
  std::map<std::string, Scene> first_;
};

}  // namespace

void Rehearse(Stage* stage, const Ask& ask, std::set<std::string>* runners) {
  const Scene before = stage->Look();
  {
    const auto operation = ask();
    REQUIRE_OK(operation.status());
    Trial trial(stage);
    runners->merge(trial.Runners());
    const Names tried = trial.Forward();
    const bool kept = std::ranges::any_of(
        tried, [](const std::string& runner) { return KeptByARollback().contains(runner); });
    const Scene forward = stage->Look();
    trial.Back();
    INFO("all of " << v1::OperationKind_Name(operation->kind()) << " undone");
    const bool remembered = std::ranges::any_of(
        tried, [](const std::string& runner) { return RememberedByDm().contains(runner); });
    const Scene undone = stage->Look();
    if (kept) {
      CHECK(Difference(forward, undone) == "");
    } else {
      CHECK((remembered ? Difference(WithoutMembers(before), WithoutMembers(undone))
                        : Difference(before, undone)) == "");
    }
  }
  REQUIRE_OK(ask().status());
  ClaimedOperation run(stage);
  while (StepRecord* step = run.Next()) {
    INFO("step " << step->step.step_id() << " of runner " << step->runner);
    run.Begin(*step);
    run.Effect(*step);
    const Scene once = stage->Look();
    const StepResult result = run.Effect(*step);
    CHECK(Difference(once, stage->Look()) == "");
    run.Record(step, result, v1::STEP_STATE_SUCCEEDED);
    // With the last step of a destroy the record is gone that a look would need.
    if (run.Next() == nullptr) continue;
    // What a resume asks that finds all of them done.
    for (const auto& done : run.steps()) {
      INFO("asked whether step " << done.step.step_id() << " is done");
      if (done.step.state() == v1::STEP_STATE_SUCCEEDED) CHECK(run.IsDone(done));
    }
  }
  run.End(v1::OPERATION_STATE_SUCCEEDED);
}

void Perform(Stage* stage, const Ask& ask) {
  REQUIRE_OK(ask().status());
  ClaimedOperation run(stage);
  while (StepRecord* step = run.Next()) {
    INFO("step " << step->step.step_id());
    run.Begin(*step);
    run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  }
  run.End(v1::OPERATION_STATE_SUCCEEDED);
}

absl::Status PerformToFailure(Stage* stage, const Ask& ask) {
  REQUIRE_OK(ask().status());
  ClaimedOperation run(stage);
  while (StepRecord* step = run.Next()) {
    run.Begin(*step);
    const auto result = run.Try(*step);
    if (!result.ok()) {
      run.End(v1::OPERATION_STATE_FAILED);
      return result.status();
    }
    run.Record(step, *result, v1::STEP_STATE_SUCCEEDED);
  }
  FAIL("all steps succeeded");
  return absl::OkStatus();
}

const std::set<std::string>& RunnersOfSources() {
  static const Names kNames = {
      "control.keep_revision", "control.create_source", "control.update_source",
      "control.stop_source",   "control.forget_source", "control.bind_source",
      "control.set_relay",     "control.purge_relay",   "control.adopt_source"};
  return kNames;
}

const std::set<std::string>& RunnersOfTasks() {
  static const Names kNames = {"control.check_task",  "control.start_task",  "control.await_task",
                               "control.stop_task",   "control.pause_task",  "control.resume_task",
                               "control.record_task", "control.forget_task", "control.adopt_task"};
  return kNames;
}

const std::set<std::string>& RunnersOfRebuild() {
  static const Names kNames = {"control.check_copy", "control.admit", "control.put_back",
                               "control.read_back", "control.await_bound"};
  return kNames;
}

const std::set<std::string>& RunnersOfRestore() {
  static const Names kNames = {"control.keep_copy", "control.record_restored"};
  return kNames;
}

const std::set<std::string>& RunnersOfMending() {
  static const Names kNames = {"control.handle_error",      "control.await_past_error",
                               "control.unlock_shards",     "control.set_structure",
                               "control.start_validation",  "control.stop_validation",
                               "control.update_validation", "control.handle_differences"};
  return kNames;
}

const std::set<std::string>& RunnersOfImport() {
  static const Names kNames = {
      "host.look_at_foreign",   "control.check_foreign",  "control.record_foreign",
      "control.forget_foreign", "host.survey_takeover",   "host.prepare_takeover",
      "control.claim_foreign",  "control.takeover_tree",  "host.send_takeover",
      "host.take_over",         "host.take_over_stopped", "control.record_takeover",
      "host.leave_to_tiup"};
  return kNames;
}

const std::set<std::string>& RunnersOfTls() {
  static const Names kNames = {"control.record_tls", "host.renew_tls"};
  return kNames;
}

const std::set<std::string>& RunnersOfSwitchTls() {
  static const Names kNames = {"control.take_copy",      "control.switch_tls", "host.look_aside",
                               "host.set_data_aside",    "host.drop_aside",    "host.switch_tls",
                               "host.switch_monitoring", "host.start_anew"};
  return kNames;
}

std::set<std::string> RehearsedElsewhere() {
  Names names = {"host.readdress"};
  for (const auto* runners :
       {&RunnersOfSources(), &RunnersOfTasks(), &RunnersOfRebuild(), &RunnersOfRestore(),
        &RunnersOfMending(), &RunnersOfImport(), &RunnersOfTls(), &RunnersOfSwitchTls()}) {
    names.insert(runners->begin(), runners->end());
  }
  return names;
}

}  // namespace dmgr::test
