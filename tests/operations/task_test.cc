// Tasks: what DM gets of them, forward, undone and repeated.
#include "server/operations/task/task.h"

#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/clusters/to_api.h"
#include "server/operations/plan/turns.h"
#include "server/operations/restart/restart.h"
#include "server/store/operation_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/shop.h"

namespace dmgr::test {
namespace {

TEST_CASE("a task is created, paused, resumed, changed, stopped, started and deleted",
          "[runners]") {
  Tasks play;
  play.Rehearse(play.CreatingTask(TaskYaml()));
  CHECK(play.Shop().stage() == v1::TASK_STAGE_RUNNING);
  CHECK(play.Shop().config_yaml().find("pa55") == std::string::npos);
  CHECK_THAT(play.dm().State(), Catch::Contains("password: pa55"));

  play.Rehearse(play.OfShop(operations::PauseTask));
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_PAUSED);
  play.Rehearse(play.OfShop(operations::ResumeTask));
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_RUNNING);

  play.Rehearse(play.UpdatingTask(TaskYaml("case-sensitive: true\n")));
  CHECK(play.Shop().revision() > 1);
  CHECK_THAT(play.dm().State(), Catch::Contains("case-sensitive: true"));

  play.Rehearse(play.OfShop(operations::StopTask));
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_STOPPED);
  CHECK(play.dm().State().find("task shop") == std::string::npos);
  play.Rehearse(play.UpdatingTask(TaskYaml()));
  play.Rehearse(play.OfShop(operations::StartTask));
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_RUNNING);

  play.Rehearse(play.OfShop(operations::DeleteTask));
  INFO("one that dmctl has made is taken over as it is there, its password too");
  pb::StartTaskRequest theirs;
  theirs.set_task(TaskYaml("case-sensitive: false\n"));
  REQUIRE_OK(play.dm().StartTask({}, theirs, {}).status());
  CHECK(play.Shop().foreign());
  CHECK(Reason(play.OfShop(operations::StopTask)().status()) == "TASK_FOREIGN");
  const auto dm = play.dm().State();
  play.Rehearse(play.OfShop(operations::AdoptTask));
  CHECK(play.dm().State() == dm);
  CHECK_FALSE(play.Shop().foreign());
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_RUNNING);
  CHECK(Reason(play.OfShop(operations::AdoptTask)().status()) == "TASK_KNOWN");
  Perform(&play.stage, play.OfShop(operations::StopTask));
  Perform(&play.stage, play.OfShop(operations::StartTask));
  CHECK_THAT(play.dm().State(), Catch::Contains("password: \"pa55\""));

  play.Rehearse(play.OfShop(operations::DeleteTask));
  CHECK(Reason(play.OfShop(operations::AdoptTask)().status()) == "TASK_NOT_FOUND");
  CHECK(Reason(operations::GetTask(play.stage.resources(), kMigrating, "shop").status()) ==
        "TASK_NOT_FOUND");
  auto cast = RunnersOfTasks();
  cast.insert("control.keep_revision");
  CHECK(play.cast == cast);
}

// Deleted and made anew by dmctl, under the same name and of the same source.
void MakeAnew(Tasks* play, const std::string& more) {
  REQUIRE_OK(play->dm().DeleteTask({}, "shop", {}).status());
  pb::StartTaskRequest theirs;
  theirs.set_task(TaskYaml(more));
  REQUIRE_OK(play->dm().StartTask({}, theirs, {}).status());
}

TEST_CASE("a task that something else made anew is told from the one that dmgr made", "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  CHECK_FALSE(play.Shop().differs());
  MakeAnew(&play, "");
  INFO("with the same configuration it is the same");
  CHECK_FALSE(play.Shop().differs());

  MakeAnew(&play, "case-sensitive: true\n");
  const auto shown = play.Shop();
  CHECK(shown.differs());
  CHECK_FALSE(shown.foreign());
  REQUIRE(shown.next_actions_size() == 3);
  CHECK(shown.next_actions(0).action() == v1::ACTION_ADOPT_TASK);
  CHECK(shown.next_actions(1).action() == v1::ACTION_UPDATE_TASK);
  CHECK(shown.next_actions(2).action() == v1::ACTION_ROLLBACK_TASK);
  CHECK(shown.next_actions(2).arguments().at("revision") == "1");
  CHECK(Reason(play.OfShop(operations::StopTask)().status()) == "TASK_DIFFERS");
  CHECK(Reason(play.OfShop(operations::DeleteTask)().status()) == "TASK_DIFFERS");

  INFO("it can be taken over, and is no other one then");
  const auto dm = play.dm().State();
  play.Rehearse(play.OfShop(operations::AdoptTask));
  CHECK(play.dm().State() == dm);
  CHECK_FALSE(play.Shop().differs());
  CHECK(play.Shop().revision() > 1);
  CHECK_THAT(play.Shop().config_yaml(), Catch::Contains("case-sensitive: true"));
  CHECK(Reason(play.OfShop(operations::AdoptTask)().status()) == "TASK_KNOWN");

  INFO("or be given what is to be");
  MakeAnew(&play, "timezone: Asia/Tokyo\n");
  CHECK(play.Shop().differs());
  Perform(&play.stage, play.UpdatingTask(TaskYaml()));
  CHECK_FALSE(play.Shop().differs());
  CHECK(play.dm().State().find("Tokyo") == std::string::npos);
  Perform(&play.stage, play.OfShop(operations::StopTask));
}

TEST_CASE("a task that is only stored is not DM's", "[runners]") {
  Tasks play;
  play.Rehearse(play.CreatingTask(TaskYaml(), /*stopped=*/true));
  CHECK(play.Shop().wanted_stage() == v1::TASK_STAGE_STOPPED);
  CHECK(play.dm().State().find("task shop") == std::string::npos);
}

TEST_CASE("an answer to a start that was lost starts nothing twice", "[runners]") {
  Tasks play;
  play.dm().LoseNextAnswer();
  const auto lost = PerformToFailure(&play.stage, play.CreatingTask(TaskYaml()));
  CHECK(Reason(lost) == "DM_UNAVAILABLE");
  CHECK_THAT(play.dm().State(), Catch::Contains("task shop"));
}

TEST_CASE("a task gets an earlier configuration again, which is a new revision", "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  Perform(&play.stage, play.UpdatingTask(TaskYaml("case-sensitive: true\n")));
  v1::RollbackTaskRequest request;
  request.set_task_name("shop");
  const auto back = [&](std::int64_t revision) {
    request.set_revision(revision);
    return play.By(operations::RollbackTask, request);
  };
  CHECK(Reason(back(9)().status()) == "REVISION_NOT_FOUND");
  CHECK(Reason(back(2)().status()) == "REVISION_IN_EFFECT");
  play.Rehearse(back(1));
  CHECK(play.dm().State().find("case-sensitive") == std::string::npos);
  CHECK_THAT(play.dm().State(), Catch::Contains("password: pa55"));
  CHECK(play.Shop().stage() == v1::TASK_STAGE_RUNNING);

  const auto& resources = play.stage.resources();
  const auto revisions = operations::ListTaskRevisions(resources, kMigrating, "shop");
  REQUIRE_OK(revisions.status());
  REQUIRE(revisions->size() == 3);
  CHECK(revisions->front().current());
  CHECK(revisions->front().user_name() == "alice");
  for (const auto& one : *revisions) CHECK(one.operation_id() != "");
  v1::GetTaskRevisionRequest get;
  get.set_cluster_name(kMigrating);
  get.set_task_name("shop");
  get.set_revision(2);
  const auto second = operations::GetTaskRevision(resources, get);
  REQUIRE_OK(second.status());
  CHECK_THAT(second->config_yaml(), Catch::Contains("case-sensitive: true"));
  CHECK(second->config_yaml().find("pa55") == std::string::npos);
  get.set_task_name("other");
  CHECK(Reason(operations::GetTaskRevision(resources, get).status()) == "TASK_NOT_FOUND");
}

v1::RestartClusterRequest RestartingWorkers(bool accept = false) {
  v1::RestartClusterRequest request;
  request.mutable_selection()->add_components(v1::COMPONENT_DM_WORKER);
  request.set_accept_load_restart(accept);
  return request;
}

TEST_CASE("a dm-worker is not restarted while a task loads on it, unless that is accepted",
          "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  play.dm().SetUnit("shop", pb::UNIT_TYPE_LOAD);
  const auto refused = play.By(operations::RestartCluster, RestartingWorkers())().status();
  CHECK(Reason(refused) == "TASK_IS_LOADING");
  CHECK_THAT(std::string(Message(refused)),
             Catch::Contains("task shop loads from source s1 on dm-worker worker-3"));

  INFO("the same when it began to load after the call");
  play.dm().SetUnit("shop", pb::UNIT_TYPE_SYNC);
  const auto ask = play.By(operations::RestartCluster, RestartingWorkers());
  const auto failed = PerformToFailure(&play.stage, [&] {
    auto operation = ask();
    play.dm().SetUnit("shop", pb::UNIT_TYPE_LOAD);
    return operation;
  });
  CHECK(Reason(failed) == "TASK_IS_LOADING");
}

TEST_CASE("a restart says which tasks it has paused, and accepts a load where it is told to",
          "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  play.dm().SetUnit("shop", pb::UNIT_TYPE_LOAD);
  std::string id;
  Perform(&play.stage, [&] {
    auto operation = play.By(operations::RestartCluster, RestartingWorkers(/*accept=*/true))();
    if (operation.ok()) id = operation->operation_id();
    return operation;
  });
  CHECK(play.Shop().stage() == v1::TASK_STAGE_RUNNING);
  std::vector<v1::PausedTask> paused;
  REQUIRE_OK(play.stage.resources().database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto record, store::GetOperation(tx, id));
    const auto shown = clusters::ToApi(record);
    paused.assign(shown.paused_tasks().begin(), shown.paused_tasks().end());
    return absl::OkStatus();
  }));
  REQUIRE(paused.size() == 1);
  CHECK(paused[0].task_name() == "shop");
  CHECK(paused[0].source_id() == "s1");
  CHECK(paused[0].worker_name() == "worker-3");
}

TEST_CASE("what was paused before a restart stays so", "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  Perform(&play.stage, play.OfShop(operations::PauseTask));
  Perform(&play.stage, play.By(operations::RestartCluster, RestartingWorkers()));
  CHECK(play.Shop().stage() == v1::TASK_STAGE_PAUSED);
}

TEST_CASE("a restart does not go on to the next dm-worker while a task is paused by an error",
          "[runners]") {
  Tasks play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  REQUIRE_OK(play.By(operations::RestartCluster, RestartingWorkers())().status());
  ClaimedOperation run(&play.stage);
  while (store::StepRecord* step = run.Next()) {
    run.Begin(*step);
    const auto result = run.Try(*step);
    if (!result.ok()) {
      CHECK(Reason(result.status()) == "TASKS_NOT_AS_BEFORE");
      CHECK_THAT(std::string(Message(result.status())),
                 Catch::Contains("task shop of source s1 is paused: cannot write"));
      run.End(v1::OPERATION_STATE_FAILED);
      return;
    }
    run.Record(step, *result, v1::STEP_STATE_SUCCEEDED);
    if (step->step.step_id() == operations::kMembersStep) {
      play.dm().PauseByError("shop", "cannot write");
    }
  }
  FAIL("the restart went on");
}

}  // namespace
}  // namespace dmgr::test
