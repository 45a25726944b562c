#include "server/migrations/subtasks.h"

#include <catch2/catch.hpp>
#include <string>

namespace dmgr::migrations {
namespace {

v1::Subtask Subtask(const std::string& source, v1::TaskStage stage, v1::TaskUnit unit,
                    const std::string& worker = "w1") {
  v1::Subtask subtask;
  subtask.set_source_id(source);
  subtask.set_worker_name(worker);
  subtask.set_stage(stage);
  subtask.set_unit(unit);
  return subtask;
}

v1::Subtask WithAnError(const std::string& source) {
  auto subtask = Subtask(source, v1::TASK_STAGE_PAUSED, v1::TASK_UNIT_SYNC);
  subtask.add_errors()->set_message("cannot write");
  return subtask;
}

v1::Subtask PausedByHand(const std::string& source) {
  auto subtask = Subtask(source, v1::TASK_STAGE_PAUSED, v1::TASK_UNIT_SYNC);
  subtask.set_paused_by_hand(true);
  return subtask;
}

SeenTasks Shop(const v1::Subtask& subtask) { return {.tasks = {{"shop", {subtask}}}}; }

TEST_CASE("what loads on a dm-worker is named with its source", "[migrations]") {
  SeenTasks tasks;
  tasks.tasks["shop"] = {Subtask("s1", v1::TASK_STAGE_RUNNING, v1::TASK_UNIT_LOAD, "w1"),
                         Subtask("s2", v1::TASK_STAGE_RUNNING, v1::TASK_UNIT_SYNC, "w2")};
  tasks.tasks["done"] = {Subtask("s1", v1::TASK_STAGE_FINISHED, v1::TASK_UNIT_LOAD, "w1")};
  tasks.tasks["held"] = {Subtask("s3", v1::TASK_STAGE_PAUSED, v1::TASK_UNIT_LOAD, "w3")};
  CHECK(LoadingOn({"w2"}, tasks).empty());
  CHECK(WordsOfLoading(LoadingOn({"w1", "w3"}, tasks)) ==
        "task held loads from source s3 on dm-worker w3; task shop loads from source s1 on "
        "dm-worker w1");
  CHECK(AliveOf(tasks).size() == 3);
}

TEST_CASE("a subtask is as before when it runs again, or stays paused", "[migrations]") {
  const auto ran = AliveOf(Shop(Subtask("s1", v1::TASK_STAGE_RUNNING, v1::TASK_UNIT_SYNC)))[0];
  const auto held = AliveOf(Shop(PausedByHand("s1")))[0];
  const auto failed = AliveOf(Shop(WithAnError("s1")))[0];

  const auto runs = Shop(Subtask("s1", v1::TASK_STAGE_RUNNING, v1::TASK_UNIT_SYNC));
  for (const auto& before : {ran, held, failed}) CHECK(ProblemOf(before, runs) == "");
  CHECK(ProblemOf(ran, Shop(Subtask("s1", v1::TASK_STAGE_FINISHED, v1::TASK_UNIT_LOAD))) == "");
  for (const auto& before : {held, failed}) {
    CHECK(ProblemOf(before, Shop(PausedByHand("s1"))) == "");
    CHECK(ProblemOf(before, Shop(WithAnError("s1"))) == "");
  }
  INFO("somebody has paused it since");
  CHECK(ProblemOf(ran, Shop(PausedByHand("s1"))) == "");

  CHECK(ProblemOf(ran, Shop(WithAnError("s1"))) ==
        "task shop of source s1 is paused: cannot write");
  CHECK(ProblemOf(ran, Shop(Subtask("s1", v1::TASK_STAGE_CHANGING, v1::TASK_UNIT_SYNC))) ==
        "task shop of source s1 does not run yet");
  for (const auto& before : {ran, held}) {
    CHECK(ProblemOf(before, {}) == "task shop of source s1 is not there yet");
    CHECK_FALSE(IsListed(before, {}));
    CHECK(IsListed(before, runs));
    CHECK_THAT(ProblemOf(before, {.silent_sources = {{"s1", "no worker"}}}),
               Catch::Contains("source s1 cannot be asked") && Catch::Contains("no worker"));
  }
}

}  // namespace
}  // namespace dmgr::migrations
