// What gets a stuck task going: once, also when an answer is lost or the task has moved on.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/operations/mend/mend.h"
#include "server/operations/task/task.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/migrating.h"
#include "tests/operations/rehearsal.h"

namespace dmgr::test {
namespace {

// A task shop of s1 and s2 that runs.
struct Stuck : Migrating {
  Stuck() {
    Perform(&stage, Creating(SourceYaml("s1", "db1")));
    Perform(&stage, Creating(SourceYaml("s2", "db2")));
    v1::CreateTaskRequest request;
    request.set_config_yaml(
        "name: shop\ntask-mode: all\ntarget-database: {host: t, port: 4000, user: r}\n"
        "mysql-instances:\n- source-id: s1\n- source-id: s2\n");
    Perform(&stage, By(operations::CreateTask, request));
  }

  template <typename Request>
  Ask OfShop(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
             Request request) {
    request.set_task_name("shop");
    return By(call, request);
  }
  Ask Skipping() {
    v1::HandleTaskErrorRequest request;
    request.set_action(v1::TASK_ERROR_ACTION_SKIP);
    return OfShop(operations::HandleTaskError, request);
  }
  void Pause() { Perform(&stage, OfShop(operations::PauseTask, v1::PauseTaskRequest())); }
  template <typename Request>
  Request About() {
    Request request;
    request.set_cluster_name(kMigrating);
    request.set_task_name("shop");
    return request;
  }
};

TEST_CASE("a statement that pauses a task is skipped, once", "[runners][stuck]") {
  Stuck play;
  CHECK(Reason(play.Skipping()().status()) == "TASK_HAS_NO_ERROR");
  play.dm().Fail("shop", "s1", 4);
  const auto errors =
      operations::ListTaskErrors(play.stage.resources(), play.About<v1::ListTaskErrorsRequest>());
  REQUIRE_OK(errors.status());
  REQUIRE(errors->sources_size() == 1);
  CHECK(errors->sources(0).source_id() == "s1");
  CHECK(errors->sources(0).binlog_position() == "bin.000002:4");
  CHECK(errors->sources(0).next_actions(0).action() == v1::ACTION_SKIP_TASK_ERROR);

  play.Rehearse(play.Skipping());
  CHECK(play.dm().handled() == "ERROR_OP_SKIP s1 ; ");
  CHECK(play.cast == std::set<std::string>{"control.handle_error", "control.await_past_error"});
}

TEST_CASE("an answer to a skip that was lost skips no other statement", "[runners][stuck]") {
  Stuck play;
  play.dm().Fail("shop", "s1", 4);
  REQUIRE_OK(play.Skipping()().status());
  ClaimedOperation run(&play.stage);
  auto* step = run.Next();
  REQUIRE(step != nullptr);
  run.Begin(*step);
  play.dm().LoseNextAnswer();
  CHECK(Reason(run.Try(*step).status()) == "DM_UNAVAILABLE");
  INFO("in the meantime the next statement pauses the task");
  play.dm().Fail("shop", "s1", 1300);
  run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  CHECK(play.dm().handled() == "ERROR_OP_SKIP s1 ; ");
  step = run.Next();
  REQUIRE(step != nullptr);
  run.Begin(*step);
  run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  run.End(v1::OPERATION_STATE_SUCCEEDED);
}

TEST_CASE("a statement ahead is told of by its position", "[runners][stuck]") {
  Stuck play;
  v1::HandleTaskErrorRequest request;
  request.set_action(v1::TASK_ERROR_ACTION_REPLACE);
  request.set_binlog_position("bin.000002:777");
  request.add_source_ids("s2");
  CHECK(Reason(play.OfShop(operations::HandleTaskError, request)().status()) == "INVALID_ARGUMENT");
  request.add_statements("ALTER TABLE t ADD COLUMN x INT");
  for (const auto* wrong : {"777", "bin.000002:", ":7", "bin.000002:7x"}) {
    auto bad = request;
    bad.set_binlog_position(wrong);
    CHECK(Reason(play.OfShop(operations::HandleTaskError, bad)().status()) == "INVALID_ARGUMENT");
  }
  auto strange = request;
  strange.add_source_ids("s9");
  CHECK(Reason(play.OfShop(operations::HandleTaskError, strange)().status()) == "SOURCE_NOT_FOUND");
  play.Rehearse(play.OfShop(operations::HandleTaskError, request));
  CHECK(play.dm().handled() == "ERROR_OP_REPLACE s2 bin.000002:777; ");
}

TEST_CASE("a shard lock is resolved; one of its name that came later stays", "[runners][stuck]") {
  Stuck play;
  pb::DDLLock lock;
  lock.set_id("shop-`db`.`t`");
  lock.set_task("shop");
  lock.add_ddls("ALTER TABLE t ADD COLUMN x INT");
  v1::UnlockShardLockRequest request;
  request.set_lock_id(lock.id());
  const auto ask = play.By(operations::UnlockShardLock, request);
  CHECK(Reason(ask().status()) == "LOCK_NOT_FOUND");
  play.dm().AddLock(lock);
  v1::ListShardLocksRequest list;
  list.set_cluster_name(kMigrating);
  CHECK(operations::ListShardLocks(play.stage.resources(), list)->locks_size() == 1);
  play.Rehearse(ask);
  CHECK(operations::ListShardLocks(play.stage.resources(), list)->locks_size() == 0);
  CHECK(play.cast == std::set<std::string>{"control.unlock_shards"});

  play.dm().AddLock(lock);
  REQUIRE_OK(ask().status());
  ClaimedOperation run(&play.stage);
  auto* step = run.Next();
  run.Begin(*step);
  lock.set_ddls(0, "ALTER TABLE t DROP COLUMN x");
  play.dm().AddLock(lock);
  run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  run.End(v1::OPERATION_STATE_SUCCEEDED);
  CHECK(operations::ListShardLocks(play.stage.resources(), list)->locks_size() == 1);
}

TEST_CASE("a table's structure is set and removed while the task is paused", "[runners][stuck]") {
  Stuck play;
  v1::SetTableStructureRequest set;
  set.set_database_name("db");
  set.set_table_name("t");
  CHECK(Reason(play.OfShop(operations::SetTableStructure, set)().status()) == "INVALID_ARGUMENT");
  set.set_statement("drop table t");
  CHECK(Reason(play.OfShop(operations::SetTableStructure, set)().status()) == "INVALID_ARGUMENT");
  set.set_statement(" Create table t (id int)");
  CHECK(Reason(play.OfShop(operations::SetTableStructure, set)().status()) == "TASK_NOT_PAUSED");
  auto list = play.About<v1::ListTaskTablesRequest>();
  const auto tables = operations::ListTaskTables(play.stage.resources(), list);
  REQUIRE_OK(tables.status());
  REQUIRE(tables->tables_size() == 2);
  CHECK(tables->tables(1).source_id() == "s2");
  CHECK(tables->tables(1).target_table_name() == "u");
  list.set_database_name("db");
  CHECK(Reason(operations::ListTaskTables(play.stage.resources(), list).status()) ==
        "TASK_NOT_PAUSED");

  play.Pause();
  CHECK(operations::ListTaskTables(play.stage.resources(), list)->tables(0).table_name() == "t");
  play.Rehearse(play.OfShop(operations::SetTableStructure, set));
  auto get = play.About<v1::GetTableStructureRequest>();
  get.set_database_name("db");
  get.set_table_name("t");
  const auto structure = operations::GetTableStructure(play.stage.resources(), get);
  REQUIRE_OK(structure.status());
  CHECK_THAT(structure->structures(0).statement(), Catch::Contains("Create table t (id int)"));
  v1::RemoveTableStructureRequest remove;
  remove.set_database_name("db");
  remove.set_table_name("t");
  play.Rehearse(play.OfShop(operations::RemoveTableStructure, remove));
  CHECK(operations::GetTableStructure(play.stage.resources(), get)->structures(0).statement() ==
        "");
  CHECK(play.cast == std::set<std::string>{"control.set_structure"});
}

TEST_CASE("a validation is started, changed, told of what differs, and stopped",
          "[runners][stuck]") {
  Stuck play;
  const auto stop = play.OfShop(operations::StopValidation, v1::StopValidationRequest());
  CHECK(Reason(stop().status()) == "VALIDATION_MISSING");
  v1::HandleValidationErrorsRequest ignore;
  ignore.set_action(v1::VALIDATION_ERROR_ACTION_IGNORE);
  ignore.set_all(true);
  const auto ignoring = play.OfShop(operations::HandleValidationErrors, ignore);
  CHECK(Reason(ignoring().status()) == "VALIDATION_MISSING");

  const auto start = play.OfShop(operations::StartValidation, v1::StartValidationRequest());
  play.Rehearse(start);
  CHECK(Reason(start().status()) == "VALIDATION_RUNS");
  const auto validation =
      operations::GetValidation(play.stage.resources(), play.About<v1::GetValidationRequest>());
  REQUIRE_OK(validation.status());
  REQUIRE(validation->validators_size() == 2);
  CHECK(validation->validators(0).stage() == v1::TASK_STAGE_RUNNING);

  const auto list = play.About<v1::ListValidationErrorsRequest>();
  CHECK(operations::ListValidationErrors(play.stage.resources(), list)->errors_size() == 1);
  play.Rehearse(ignoring);
  CHECK(operations::ListValidationErrors(play.stage.resources(), list)->errors_size() == 0);
  ignore.set_error_id(1);
  CHECK(Reason(play.OfShop(operations::HandleValidationErrors, ignore)().status()) ==
        "INVALID_ARGUMENT");

  v1::UpdateValidationRequest update;
  CHECK(Reason(play.OfShop(operations::UpdateValidation, update)().status()) == "INVALID_ARGUMENT");
  update.set_cutover_binlog_position("bin.000002:4");
  play.Rehearse(play.OfShop(operations::UpdateValidation, update));
  CHECK_THAT(play.dm().State(), Catch::Contains("bin.000002:4"));
  play.Rehearse(stop);
  CHECK(Reason(stop().status()) == "VALIDATION_MISSING");
  CHECK(play.cast == std::set<std::string>{"control.start_validation", "control.handle_differences",
                                           "control.update_validation", "control.stop_validation"});
}

}  // namespace
}  // namespace dmgr::test
