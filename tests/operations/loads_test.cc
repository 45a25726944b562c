// Tasks that load, or are moved: what restarts, moves and scale-ins know of them.
#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/operations/restart/restart.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/migrating.h"
#include "tests/operations/rehearsal.h"

namespace dmgr::test {
namespace {

// Task "shop" of source s1 runs on worker-3, on machine m3.
struct Loads : Migrating {
  Loads() {
    Perform(&stage, Creating(SourceYaml("s1", "db1"), "worker-3"));
    Start("shop", "s1");
  }

  Ask MovingMachine(const std::string& to, bool accept = false) {
    v1::MoveMachineRequest request;
    request.set_from_machine_id("m3");
    request.set_to_machine_id(to);
    request.set_accept_load_restart(accept);
    return By(operations::MoveMachine, request);
  }
  // All that has a dm-worker, in one operation.
  Ask MovingCluster(bool accept = false) {
    v1::MoveClusterRequest request;
    for (const auto& [from, to] : {std::pair("m2", "m4"), std::pair("m3", "m5")}) {
      auto* one = request.add_replacements();
      one->set_from_machine_id(from);
      one->set_to_machine_id(to);
    }
    request.set_accept_load_restart(accept);
    return By(operations::MoveCluster, request);
  }
  Ask RestartingAtOnce(bool accept = false) {
    v1::RestartClusterRequest request;
    request.set_strategy(v1::STRATEGY_ALL_AT_ONCE);
    request.set_accept_load_restart(accept);
    return By(operations::RestartCluster, request);
  }
  Ask TakingAway(const std::string& worker) {
    v1::ScaleInClusterRequest request;
    request.mutable_selection()->add_nodes(worker);
    return By(operations::ScaleInCluster, request);
  }
  void Load() { dm().SetUnit("shop", pb::UNIT_TYPE_LOAD); }
};

// The call is refused while the task loads, and suggested with that accepted.
void CheckRefused(const absl::Status& refused) {
  CHECK(Reason(refused) == "TASK_IS_LOADING");
  CHECK_THAT(std::string(Message(refused)),
             Catch::Contains("task shop loads from source s1 on dm-worker worker-3"));
}

TEST_CASE("a restart of all at once is refused while a task loads, unless that is accepted",
          "[runners][loads]") {
  Loads play;
  play.Load();
  CheckRefused(play.RestartingAtOnce()().status());
  Perform(&play.stage, play.RestartingAtOnce(/*accept=*/true));
  CHECK_THAT(play.dm().State(), Catch::Contains("task shop"));
}

TEST_CASE("no machine moves while a task loads on its dm-worker, unless that is accepted",
          "[runners][loads]") {
  Loads play;
  play.Load();
  CheckRefused(play.MovingMachine("m4")().status());

  INFO("the same when it began to load after the call");
  play.dm().SetUnit("shop", pb::UNIT_TYPE_SYNC);
  const auto ask = play.MovingMachine("m4");
  const auto failed = PerformToFailure(&play.stage, [&] {
    auto operation = ask();
    play.Load();
    return operation;
  });
  CHECK(Reason(failed) == "TASK_IS_LOADING");
}

TEST_CASE("a machine whose load is accepted moves, and its source with it", "[runners][loads]") {
  Loads play;
  play.Load();
  Perform(&play.stage, play.MovingMachine("m4", /*accept=*/true));
  CHECK(play.Get("s1").worker_name() != "worker-3");
}

TEST_CASE("a cluster that moves takes its task along, and waits for one that loads",
          "[runners][loads]") {
  Loads play;
  play.stage.AddMachine("m5", "10.0.0.5");
  play.Load();
  CheckRefused(play.MovingCluster()().status());
  const bool is_accepted = GENERATE(false, true);
  if (!is_accepted) play.dm().SetUnit("shop", pb::UNIT_TYPE_SYNC);
  Perform(&play.stage, play.MovingCluster(is_accepted));
  CHECK_THAT(play.Get("s1").worker_name(),
             Catch::StartsWith("dm-10.0.0.4") || Catch::StartsWith("dm-10.0.0.5"));
  CHECK_THAT(play.dm().State(), Catch::Contains("task shop STAGE_RUNNING"));
}

TEST_CASE("no machine gets another address while a task loads there, unless that is accepted",
          "[runners][loads]") {
  Loads play;
  play.stage.Readdress("m3", "10.0.7.3");
  play.Load();
  CheckRefused(play.MovingMachine("m3")().status());

  INFO("nor where it began to load after the call, though the source may wait");
  play.dm().SetUnit("shop", pb::UNIT_TYPE_SYNC);
  const auto ask = play.MovingMachine("m3");
  const auto failed = PerformToFailure(&play.stage, [&] {
    auto operation = ask();
    play.Load();
    return operation;
  });
  CHECK(Reason(failed) == "TASK_IS_LOADING");
}

// Runs the steps of a scale-in until its source has moved, which is not recorded: dmgrd is killed
// there. Returns that step.
store::StepRecord* MoveAndDie(ClaimedOperation* run) {
  for (store::StepRecord* step = run->Next(); step != nullptr; step = run->Next()) {
    run->Begin(*step);
    const auto result = run->Effect(*step);
    if (step->runner == operations::kVacate) return step;
    run->Record(step, result, v1::STEP_STATE_SUCCEEDED);
  }
  return nullptr;
}

TEST_CASE("a dmgrd that is killed when a source has moved knows later which tasks that paused",
          "[runners][loads]") {
  Loads play;
  REQUIRE_OK(play.TakingAway("worker-3")().status());
  ClaimedOperation run(&play.stage);
  const auto* step = MoveAndDie(&run);
  REQUIRE(step != nullptr);
  REQUIRE(play.Get("s1").worker_name() != "worker-3");
  const auto again = run.Effect(*step);
  CHECK_THAT(again.result_json, Catch::Contains("shop") && Catch::Contains("worker-3"));
  run.End(v1::OPERATION_STATE_FAILED);
}

TEST_CASE("a dmgrd that is killed when a source has moved waits until its tasks go on",
          "[runners][loads]") {
  Loads play;
  REQUIRE_OK(play.TakingAway("worker-3")().status());
  ClaimedOperation run(&play.stage);
  const auto* step = MoveAndDie(&run);
  REQUIRE(step != nullptr);
  play.dm().PauseByError("shop", "cannot write");
  const auto again = run.Try(*step);
  CHECK(Reason(again.status()) == "TASKS_NOT_AS_BEFORE");
  CHECK_THAT(std::string(Message(again.status())),
             Catch::Contains("task shop of source s1 is paused: cannot write"));
  run.End(v1::OPERATION_STATE_FAILED);
}

}  // namespace
}  // namespace dmgr::test
