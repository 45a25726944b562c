// What DM says of tasks, as it is shown.
#include "server/migrations/task_status.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <limits>
#include <utility>

namespace dmgr::migrations {
namespace {

using Actions = std::vector<v1::Action>;
using Sources = std::vector<std::string>;

constexpr char kDdl[] =
    "startLocation: [position: (bin.000002, 1234), gtid-set: ], endLocation: [position: "
    "(bin.000002, 1300), gtid-set: ], origin SQL: [alter table t add column w int]: cannot track "
    "DDL: ALTER TABLE `db`.`t` ADD COLUMN `w` INT";
constexpr char kDml[] =
    "startLocation: [position: (bin.000002, 1234), gtid-set: ], endLocation: [position: "
    "(bin.000002, 1300), gtid-set: ]: execute statement failed: INSERT INTO `db`.`t`";

pb::QueryStatusListResponse Answer(const std::string& text) {
  pb::QueryStatusListResponse response;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &response));
  return response;
}

// Of one source, with what is said of its subtask of shop.
pb::QueryStatusListResponse OfShop(const std::string& subtask) {
  return Answer(R"(result: true sources {
    result: true source_status { source: "s1" worker: "w1" }
    sub_task_status { name: "shop" )" +
                subtask + "} }");
}

std::string Failing(const std::string& message, const std::string& cause = "") {
  return "stage: STAGE_PAUSED unit: UNIT_TYPE_SYNC result { errors { err_code: 7 message: '" +
         message + "' raw_cause: \"" + cause + "\" } }";
}

v1::Task ShownTask(const pb::QueryStatusListResponse& response, const Sources& sources = {"s1"},
                   v1::TaskStage wanted = v1::TASK_STAGE_RUNNING, bool foreign = false) {
  v1::Task task;
  task.set_cluster_name("demo");
  task.set_task_name("shop");
  task.set_wanted_stage(wanted);
  task.set_foreign(foreign);
  AddSeen(ReadStatus(response), sources, &task);
  return task;
}

Actions ActionsOf(const v1::Task& task) {
  Actions actions;
  for (const auto& next : task.next_actions()) actions.push_back(next.action());
  return actions;
}

v1::TaskError ErrorWith(const std::string& message, const std::string& cause = "",
                        const std::string& workaround = "") {
  v1::TaskError error;
  error.set_message(message);
  error.set_raw_cause(cause);
  error.set_workaround(workaround);
  return error;
}

TEST_CASE("stages and units are named as in the API", "[task_status]") {
  for (const auto& [stage, shown] : std::vector<std::pair<std::string, v1::TaskStage>>{
           {"STAGE_RUNNING", v1::TASK_STAGE_RUNNING},
           {"STAGE_PAUSED", v1::TASK_STAGE_PAUSED},
           {"STAGE_STOPPED", v1::TASK_STAGE_STOPPED},
           {"STAGE_FINISHED", v1::TASK_STAGE_FINISHED},
           {"STAGE_NEW", v1::TASK_STAGE_CHANGING},
           {"STAGE_PAUSING", v1::TASK_STAGE_CHANGING},
           {"STAGE_RESUMING", v1::TASK_STAGE_CHANGING},
           {"STAGE_STOPPING", v1::TASK_STAGE_CHANGING},
           {"STAGE_UNSPECIFIED", v1::TASK_STAGE_UNSPECIFIED}}) {
    INFO(stage);
    CHECK(ShownTask(OfShop("stage: " + stage)).subtasks(0).stage() == shown);
  }
  for (const auto& [unit, shown] : std::vector<std::pair<std::string, v1::TaskUnit>>{
           {"UNIT_TYPE_CHECK", v1::TASK_UNIT_CHECK},
           {"UNIT_TYPE_DUMP", v1::TASK_UNIT_DUMP},
           {"UNIT_TYPE_LOAD", v1::TASK_UNIT_LOAD},
           {"UNIT_TYPE_SYNC", v1::TASK_UNIT_SYNC},
           {"UNIT_TYPE_RELAY", v1::TASK_UNIT_UNSPECIFIED}}) {
    INFO(unit);
    CHECK(ShownTask(OfShop("unit: " + unit)).subtasks(0).unit() == shown);
  }
}

TEST_CASE("progress keeps what DM counts, and nothing that is no count", "[task_status]") {
  const auto dump =
      ShownTask(OfShop("dump { total_tables: 4 completed_tables: nan finished_rows: -3 "
                       "estimate_total_rows: inf bps: -1 }"))
          .subtasks(0)
          .dump();
  CHECK(dump.total_tables() == 4);
  CHECK(dump.completed_tables() == 0);
  CHECK(dump.finished_rows() == 0);
  CHECK(dump.total_rows() == 0);
  CHECK(dump.bytes_per_second() == 0);
  const auto load =
      ShownTask(OfShop("load { finished_bytes: 5 total_bytes: 10 bps: 2 }")).subtasks(0).load();
  CHECK(load.finished_bytes() == 5);
  CHECK(load.total_bytes() == 10);
  const auto sync =
      ShownTask(OfShop("sync { seconds_behind_master: 9223372036854775807 synced: true "
                       "syncer_binlog: '(bin.000002, 4)' blocking_ddls: 'a\\nb' }"))
          .subtasks(0)
          .sync();
  CHECK(sync.lag().seconds() == 315'576'000'000);
  CHECK(sync.caught_up());
  CHECK(sync.task_binlog() == "(bin.000002, 4)");
  REQUIRE(sync.blocking_ddls_size() == 1);
  CHECK(sync.blocking_ddls(0).find('\n') == std::string::npos);
}

TEST_CASE("a text of DM is one line, cut, and without passwords", "[task_status]") {
  const auto task = ShownTask(OfShop(Failing("a\\nb password=pa55 " + std::string(9000, 'x'))));
  const auto& message = task.subtasks(0).errors(0).message();
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find("pa55") == std::string::npos);
  CHECK(message.size() < 2100);
}

TEST_CASE("the position of a statement is what DM takes", "[task_status]") {
  CHECK(PositionOf(ErrorWith(kDdl)) == "bin.000002:1234");
  CHECK(PositionOf(ErrorWith(kDml)) == "bin.000002:1234");
  for (const auto* none :
       {"", "restoring failed", "startLocation: [position: (", "startLocation: [position: (bin",
        "startLocation: [position: (bin, x), gtid", "startLocation: [position: (, 0), gtid-set",
        "startLocation: [position: (bin), gtid: (a, 1)"}) {
    INFO(none);
    CHECK(PositionOf(ErrorWith(none)).empty());
  }
}

TEST_CASE("a task has the stage of most concern, and is asked for by source", "[task_status]") {
  const auto response = Answer(R"(result: true
    sources { result: true source_status { source: "s2" }
      sub_task_status { name: "shop" stage: STAGE_RUNNING } }
    sources { result: true source_status { source: "s1" }
      sub_task_status { name: "shop" stage: STAGE_PAUSED }
      sub_task_status { name: "other" stage: STAGE_RUNNING } }
    sources { result: false msg: "worker is gone" source_status { source: "s3" } })");
  const auto task = ShownTask(response, {"s1", "s2", "s3", "s4"});
  REQUIRE(task.subtasks_size() == 4);
  CHECK(task.subtasks(0).source_id() == "s1");
  CHECK(task.subtasks(0).paused_by_hand());
  CHECK(task.subtasks(2).stage() == v1::TASK_STAGE_UNSPECIFIED);
  CHECK(task.subtasks(3).stage() == v1::TASK_STAGE_STOPPED);
  CHECK(task.stage() == v1::TASK_STAGE_PAUSED);
  CHECK(ReadStatus(response).silent_sources.at("s3") == "worker is gone");
  CHECK(PausedByError(ReadStatus(response).tasks.at("shop")) == nullptr);
}

TEST_CASE("a statement that DM can skip is to be skipped", "[task_status]") {
  const auto task = ShownTask(OfShop(Failing(kDdl)));
  CHECK(ActionsOf(task) ==
        Actions{v1::ACTION_SKIP_TASK_ERROR, v1::ACTION_REPLACE_TASK_ERROR, v1::ACTION_RESUME_TASK});
  const auto& arguments = task.next_actions(0).arguments();
  CHECK(arguments.at("cluster_name") == "demo");
  CHECK(arguments.at("task_name") == "shop");
  CHECK(arguments.at("source_ids") == "s1");
  CHECK_THAT(task.advice(), Catch::Contains("skip the statement"));
}

TEST_CASE("any other error is mended, and the task resumed", "[task_status]") {
  const auto task = ShownTask(OfShop(Failing(kDml, "Error 1054 (42S22): Unknown column 'v'")));
  CHECK(ActionsOf(task) == Actions{v1::ACTION_RESUME_TASK});
  CHECK_THAT(task.advice(), Catch::Contains("lacks a column") && Catch::Contains("source s1"));
  CHECK_FALSE(IsOfDdl(ErrorWith(kDml)));
  CHECK(AdviceFor(ErrorWith("a", "b", "turn it off and on")) == "turn it off and on");
  CHECK_FALSE(AdviceFor(ErrorWith("a")).empty());
  CHECK(WordsOf(ErrorWith("a", "b")) == "a: b");
}

TEST_CASE("a task that stands still says what to do, unless that is wanted", "[task_status]") {
  const auto by_hand = OfShop("stage: STAGE_PAUSED");
  CHECK(ActionsOf(ShownTask(by_hand)) == Actions{v1::ACTION_RESUME_TASK});
  CHECK(ActionsOf(ShownTask(by_hand, {"s1"}, v1::TASK_STAGE_PAUSED)).empty());
  CHECK(ShownTask(by_hand, {"s1"}, v1::TASK_STAGE_PAUSED).advice().empty());
  const auto nothing = Answer("result: true");
  CHECK(ActionsOf(ShownTask(nothing)) == Actions{v1::ACTION_START_TASK});
  CHECK(ActionsOf(ShownTask(nothing, {"s1"}, v1::TASK_STAGE_STOPPED)).empty());
  CHECK(ActionsOf(ShownTask(OfShop("stage: STAGE_RUNNING"))).empty());
}

TEST_CASE("a task that waits for a shard names the lock", "[task_status]") {
  const auto task =
      ShownTask(OfShop("stage: STAGE_RUNNING unresolved_ddl_lock_id: 'shop-`db`.`t`'"));
  CHECK(ActionsOf(task) == Actions{v1::ACTION_LIST_SHARD_LOCKS, v1::ACTION_UNLOCK_SHARD_LOCK});
  CHECK(task.next_actions(1).arguments().at("lock_id") == "shop-`db`.`t`");
}

}  // namespace
}  // namespace dmgr::migrations
