// What the stand-in's gRPC answers, against what was seen on the real DM.
#include <catch2/catch.hpp>

#include "migration_support.h"

namespace dmsim {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

constexpr milliseconds kSoon(5000);

}  // namespace

TEST_CASE("sources come and go by gRPC on the port of HTTP", "[migration]") {
  MigrationCluster dm(3, 2);
  const std::string follower = dm.leader() == "m1" ? "m2" : "m1";
  auto answer = dm.StartSource(SourceYaml("s1"));
  REQUIRE(answer.result());
  REQUIRE(answer.sources_size() == 1);
  CHECK(answer.sources(0).source() == "s1");
  CHECK_THAT(answer.sources(0).worker(), StartsWith("w"));
  CHECK(dm.cluster().Get("m1", "/status").status == 200);

  answer = dm.StartSource(SourceYaml("s1"));
  CHECK_FALSE(answer.result());
  CHECK(answer.msg() ==
        "[code=46007:class=scheduler:scope=internal:level=medium], Message: source config with ID "
        "s1 already exists");
  answer = dm.StartSource(SourceYaml("s2", 1));
  CHECK_THAT(answer.msg(), StartsWith("[code=10001:class=database:scope=upstream:level=high], "
                                      "Message: database driver error, RawCause: dial tcp "
                                      "127.0.0.1:1: connect: connection refused"));
  answer = dm.StartSource(SourceYaml("s2") + "nosuch: 1\n");
  CHECK_THAT(answer.msg(), Contains("field nosuch not found in type config.SourceConfig"));
  REQUIRE(dm.StartSource(SourceYaml("s2")).result());
  REQUIRE(dm.StartSource(SourceYaml("s3")).result());
  const auto shown = dm.Source(pb::SOURCE_OP_SHOW, follower);
  REQUIRE(shown.sources_size() == 3);
  CHECK(shown.sources(2).worker().empty());

  const auto listed = dm.cluster().Json("m1", "GET", "/api/v1/sources");
  CHECK(listed["total"] == 3);
  CHECK(listed["data"][0]["password"] == "******");
  pb::GetCfgRequest get;
  get.set_type(pb::CFG_TYPE_SOURCE);
  get.set_name("s1");
  const auto config = dm.Call<pb::GetCfgResponse>(&pb::Master::Stub::GetCfg, get);
  CHECK_THAT(config.cfg(), Contains("source-id: s1") && Contains("******") &&
                               Contains("remain-space: 15") && !Contains("secret"));

  CHECK(dm.Transfer("s1", "nosuch") ==
        "[code=46004:class=scheduler:scope=internal:level=medium], "
        "Message: dm-worker with name nosuch not exists");
  CHECK_THAT(dm.Transfer("s1", shown.sources(1).worker()), StartsWith("[code=46006:"));
  REQUIRE(dm.StopSource("s2").result());
  CHECK_THAT(dm.StopSource("s2").msg(), StartsWith("[code=46008:"));
  // Its worker is free for the one that had none.
  CHECK(Eventually(kSoon, [&] {
    const auto now = dm.Source(pb::SOURCE_OP_SHOW);
    return now.sources_size() == 2 && !now.sources(1).worker().empty();
  }));
}

TEST_CASE("a task runs through dump, load and sync, and pauses and resumes", "[migration]") {
  MigrationCluster dm(1, 2);
  dm.Knob("knobs", {{"dump_ms", 1500}, {"load_ms", 1500}});
  REQUIRE(dm.StartSource(SourceYaml("s1")).result());
  const auto checked = dm.Check(TaskYaml("t1", {"s1"}));
  CHECK(checked.result());
  CHECK_THAT(checked.msg(),
             Contains("no errors but some warnings\n detail: {") && Contains("still experimental"));
  auto started = dm.StartTask(TaskYaml("t1", {"s1"}));
  REQUIRE(started.result());
  CHECK(started.check_result() == checked.msg());
  CHECK(started.sources(0).source() == "s1");
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);
  for (const auto unit : {pb::UNIT_TYPE_DUMP, pb::UNIT_TYPE_LOAD, pb::UNIT_TYPE_SYNC}) {
    CHECK(Eventually(kSoon, [&] { return dm.Subtask("t1", "s1").unit() == unit; }));
  }
  const auto sync = dm.Subtask("t1", "s1").sync();
  CHECK_THAT(sync.master_binlog(), StartsWith("(bin."));
  CHECK(sync.binlog_type() == "remote");
  CHECK(Eventually(
      kSoon, [&] { return dm.Subtask("t1", "s1").sync().total_rows() > sync.total_rows() + 10; }));

  CHECK_THAT(dm.StartTask(TaskYaml("t1", {"s1"})).msg(),
             StartsWith("[code=46014:class=scheduler:scope=internal:level=medium], Message: "
                        "subtasks with name t1 for sources [s1] already exist"));
  CHECK_THAT(dm.StartTask(TaskYaml("t2", {"nosrc"})).msg(),
             StartsWith("[code=20031:class=config:scope=internal:level=medium], Message: source "
                        "nosrc in deployment configuration not found"));
  CHECK_THAT(dm.StartTask("nosuch: 1\n" + TaskYaml("t2", {"s1"})).msg(),
             Contains("line 1: field nosuch not found in type config.TaskConfig"));
  CHECK(dm.Query("nosuch").msg() == "task nosuch has no source or not exist");
  CHECK(dm.Operate("nosuch", pb::TASK_OP_PAUSE).msg() ==
        "task nosuch has no source or not exist, please check the task name and status");
  CHECK_THAT(dm.StopSource("s1").msg(), StartsWith("[code=46010:"));

  const auto paused = dm.Operate("t1", pb::TASK_OP_PAUSE);
  CHECK(paused.result());
  CHECK(paused.op() == pb::TASK_OP_PAUSE);
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_PAUSED);
  CHECK(dm.Subtask("t1", "s1").result().is_canceled());
  CHECK(dm.Subtask("t1", "s1").result().errors().empty());
  REQUIRE(dm.Operate("t1", pb::TASK_OP_RESUME).result());
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);

  // It moves with its source, and goes on where it was after a deletion.
  const std::string other = started.sources(0).worker() == "w1" ? "w2" : "w1";
  CHECK(dm.Transfer("s1", other).empty());
  CHECK(dm.Query("t1").sources(0).source_status().worker() == other);
  CHECK(dm.Subtask("t1", "s1").unit() == pb::UNIT_TYPE_SYNC);
  REQUIRE(dm.Operate("t1", pb::TASK_OP_DELETE).result());
  CHECK(dm.Query("").sources(0).sub_task_status().empty());
  REQUIRE(dm.StartTask(TaskYaml("t1", {"s1"})).result());
  CHECK(dm.Subtask("t1", "s1").unit() == pb::UNIT_TYPE_SYNC);
  CHECK(dm.cluster().Json("m1", "GET", "/api/v1/tasks")["data"][0]["name"] == "t1");
  Process& dmctl = dm.cluster().Run(
      "dmctl", "dmctl", {"--master-addr", dm.cluster().Address("m1"), "query-status", "t1"});
  CHECK(dmctl.Wait(kSoon) == 0);
  const auto printed = nlohmann::json::parse(dmctl.Output());
  CHECK(printed["sources"][0]["sub_task_status"][0]["name"] == "t1");

  // Without a worker it stands still.
  CHECK(dm.cluster().Stop("w1", SIGTERM) == 0);
  CHECK(dm.cluster().Stop("w2", SIGTERM) == 0);
  CHECK(Eventually(kSoon, [&] {
    const auto status = dm.Query("t1").sources(0);
    return !status.result() && status.msg().find("code=38029") != std::string::npos;
  }));
}

TEST_CASE("errors pause a task, and only those of DDL can be skipped", "[migration]") {
  MigrationCluster dm(1, 1);
  REQUIRE(dm.StartSource(SourceYaml("s1")).result());
  REQUIRE(dm.StartTask(TaskYaml("t1", {"s1"}, "incremental")).result());
  CHECK(dm.Subtask("t1", "s1").unit() == pb::UNIT_TYPE_SYNC);

  dm.Knob("fail", {{"task", "t1"}, {"kind", "dml"}});
  auto subtask = dm.Subtask("t1", "s1");
  CHECK(subtask.stage() == pb::STAGE_PAUSED);
  CHECK_FALSE(subtask.result().is_canceled());
  REQUIRE(subtask.result().errors_size() == 1);
  CHECK(subtask.result().errors(0).err_code() == 10006);
  CHECK(subtask.result().errors(0).err_class() == "database");
  CHECK_THAT(subtask.result().errors(0).raw_cause(), StartsWith("Error 1054 (42S22)"));
  auto handled = dm.Skip("t1");
  CHECK(handled.result());
  CHECK_FALSE(handled.sources(0).result());
  CHECK_THAT(handled.sources(0).msg(), StartsWith("only support to handle ddl error currently"));
  // A resumption alone does not help; mended, it does.
  REQUIRE(dm.Operate("t1", pb::TASK_OP_RESUME).result());
  CHECK(Eventually(kSoon, [&] { return dm.Subtask("t1", "s1").stage() == pb::STAGE_PAUSED; }));
  dm.Knob("mend", {{"task", "t1"}});
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);

  dm.Knob("fail", {{"task", "t1"}, {"kind", "ddl"}});
  subtask = dm.Subtask("t1", "s1");
  CHECK(subtask.stage() == pb::STAGE_PAUSED);
  CHECK(subtask.result().errors(0).raw_cause() == "[schema:1060]Duplicate column name 'w'");
  handled = dm.Skip("t1");
  CHECK(handled.sources(0).result());
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);

  // A relay that begins after what was read pauses an incremental task.
  CHECK(Eventually(kSoon, [&] { return dm.Subtask("t1", "s1").sync().total_rows() > 0; }));
  CHECK(dm.Relay("s1", pb::RELAY_OP_START).empty());
  CHECK(dm.Query("").sources(0).source_status().relay_status().relay_catch_up_master());
  CHECK(dm.Subtask("t1", "s1").result().errors(0).err_code() == 11106);
  CHECK(dm.Relay("s1", pb::RELAY_OP_STOP).empty());
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_PAUSED);
  REQUIRE(dm.Operate("t1", pb::TASK_OP_RESUME).result());
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);
}

TEST_CASE("locks, structures and validation", "[migration]") {
  MigrationCluster dm(1, 1);
  REQUIRE(dm.StartSource(SourceYaml("s1")).result());
  REQUIRE(dm.StartTask(TaskYaml("t1", {"s1"}, "incremental")).result());

  pb::ShowDDLLocksRequest show;
  const auto locks = [&] {
    return dm.Call<pb::ShowDDLLocksResponse>(&pb::Master::Stub::ShowDDLLocks, show);
  };
  CHECK(locks().msg() == "no DDL lock exists");
  dm.Knob("lock", {{"task", "t1"},
                   {"owner", "s1"},
                   {"ddls", {"alter table t add column w int"}},
                   {"synced", {"s1-`db`.`t`"}}});
  REQUIRE(locks().locks_size() == 1);
  CHECK(locks().locks(0).id() == "t1-`db`.`t`");
  CHECK(dm.Subtask("t1", "s1").sync().blocking_ddls_size() == 1);
  pb::UnlockDDLLockRequest unlock;
  unlock.set_id("t1-`db`.`t`");
  const auto unlocked = [&] {
    return dm.Call<pb::UnlockDDLLockResponse>(&pb::Master::Stub::UnlockDDLLock, unlock);
  };
  CHECK(unlocked().result());
  CHECK_THAT(unlocked().msg(), Contains("lock with ID t1-`db`.`t` not found"));

  pb::OperateSchemaRequest schema;
  schema.set_op(pb::SCHEMA_OP_GET_SCHEMA);
  schema.set_task("t1");
  schema.set_database("db");
  schema.set_table("t");
  const auto operated = [&] {
    return dm.Call<pb::OperateSchemaResponse>(&pb::Master::Stub::OperateSchema, schema).sources(0);
  };
  CHECK_THAT(operated().msg(), Contains("current stage is Running but not paused, invalid"));
  REQUIRE(dm.Operate("t1", pb::TASK_OP_PAUSE).result());
  CHECK_THAT(operated().msg(), StartsWith("CREATE TABLE `t`"));
  schema.set_op(pb::SCHEMA_OP_SET_SCHEMA);
  schema.set_schema("CREATE TABLE `t` (`id` int)");
  CHECK(operated().result());
  schema.set_op(pb::SCHEMA_OP_GET_SCHEMA);
  CHECK(operated().msg() == "CREATE TABLE `t` (`id` int)");

  pb::GetValidationStatusRequest status;
  status.set_task_name("t1");
  const auto validation = [&] {
    return dm.Call<pb::GetValidationStatusResponse>(&pb::Master::Stub::GetValidationStatus, status);
  };
  CHECK(validation().validators().empty());
  pb::StartValidationRequest start;
  start.set_task_name("t1");
  start.set_mode_value("fast");
  REQUIRE(dm.Call<pb::StartValidationResponse>(&pb::Master::Stub::StartValidation, start).result());
  REQUIRE(validation().validators_size() == 1);
  CHECK(validation().validators(0).mode() == "fast");
  dm.Knob("validation-error", {{"task", "t1"}, {"source", "s1"}});
  CHECK(validation().validators(0).error_rows_status() == "new/ignored/resolved: 1/0/0");
  pb::OperateValidationErrorRequest operate;
  operate.set_op(pb::VALIDATION_ERR_OP_IGNORE);
  operate.set_task_name("t1");
  operate.set_err_id(1);
  CHECK(dm.Call<pb::OperateValidationErrorResponse>(&pb::Master::Stub::OperateValidationError,
                                                    operate)
            .result());
  CHECK(validation().validators(0).error_rows_status() == "new/ignored/resolved: 0/1/0");
}

TEST_CASE("what changes anything is counted, and what is told again is not", "[migration]") {
  MigrationCluster dm(1, 1);
  REQUIRE(dm.StartSource(SourceYaml("s1")).result());
  REQUIRE(dm.StartTask(TaskYaml("t1", {"s1"}, "incremental")).result());
  const auto document = [&] { return dm.cluster().Json("m1", "GET", "/dmsim/document"); };
  const auto done = [&](const std::string& what) { return document()["done"].value(what, 0); };
  CHECK(done("put_source") == 1);
  CHECK(done("start_task") == 1);

  dm.Knob("fail", {{"task", "t1"}, {"kind", "ddl"}});
  for (int i = 0; i < 2; ++i) REQUIRE(dm.Skip("t1").result());
  CHECK(done("handle_error/skip") == 1);
  pb::HandleErrorRequest ahead;
  ahead.set_task("t1");
  ahead.set_binlog_pos("bin.000009:4");
  const auto told = [&](pb::ErrorOp op) {
    ahead.set_op(op);
    return dm.Call<pb::HandleErrorResponse>(&pb::Master::Stub::HandleError, ahead).sources(0);
  };
  ahead.add_sqls("alter table t add y int");
  for (int i = 0; i < 2; ++i) CHECK(told(pb::ERROR_OP_INJECT).result());
  CHECK(done("handle_error/inject") == 1);
  CHECK(told(pb::ERROR_OP_REVERT).result());
  CHECK_THAT(told(pb::ERROR_OP_REVERT).msg(), Contains("operator not exist"));
  CHECK(done("handle_error/revert") == 1);
  const nlohmann::json shown = document();
  CHECK(shown["tasks"]["t1"]["subtasks"]["s1"]["operators"].empty());

  CHECK(dm.Relay("s1", pb::RELAY_OP_START).empty());
  for (int i = 0; i < 2; ++i) {
    pb::PurgeWorkerRelayRequest purge;
    purge.add_sources("s1");
    purge.set_filename("bin.000002");
    const auto purged =
        dm.Call<pb::PurgeWorkerRelayResponse>(&pb::Master::Stub::PurgeWorkerRelay, purge);
    CHECK(purged.sources(0).result());
  }
  CHECK(done("start_relay") == 1);
  CHECK(done("purge_relay") == 1);
}

TEST_CASE("masters that lost all are filled by keys that only a new leader reads", "[migration]") {
  MigrationCluster dm(3, 2);
  REQUIRE(dm.StartSource(SourceYaml("s1")).result());
  REQUIRE(dm.StartTask(TaskYaml("t1", {"s1"})).result());
  REQUIRE(dm.StartTask(TaskYaml("t2", {"s1"}, "incremental")).result());
  REQUIRE(dm.Operate("t2", pb::TASK_OP_PAUSE).result());
  CHECK(Eventually(kSoon, [&] { return dm.Subtask("t1", "s1").unit() == pb::UNIT_TYPE_SYNC; }));
  const auto keys = dm.Keys("/dm-master/");
  CHECK(keys.at("/dm-master/v2/upstream/config/7331").find("secret") != std::string::npos);
  CHECK(keys.at("/dm-master/upstream/subtask/7331/7431").find("target-secret") !=
        std::string::npos);
  CHECK(keys.at("/dm-master/stage/subtask/7331/7431") ==
        R"({"expect":2,"source":"s1","task":"t1"})");
  CHECK(keys.at("/dm-master/stage/subtask/7331/7432") ==
        R"({"expect":3,"source":"s1","task":"t2"})");

  dm.LoseMasters();
  // A worker that ran before is not known to them, and does not make itself known.
  CHECK_FALSE(Eventually(milliseconds(2000),
                         [&] { return !dm.cluster().Members("m1", "worker").empty(); }));
  dm.Restore(keys);
  for (const std::string worker : {"w1", "w2"}) {
    CHECK(dm.cluster().Stop(worker, SIGTERM) == 0);
    dm.cluster().StartWorker(worker);
    CHECK(Eventually(kSoon, [&] { return dm.cluster().Stage("m1", worker) == "free"; }));
  }
  CHECK(dm.Source(pb::SOURCE_OP_SHOW).sources().empty());
  CHECK(dm.Keys("/dm-master/v2/").size() == 1);

  const std::string old = dm.leader();
  CHECK(dm.cluster().Json(old, "PUT", "/apis/v1alpha1/leader/1", "{}")["result"] == true);
  CHECK(dm.cluster().Json(old, "PUT", "/apis/v1alpha1/leader/2", "{}")["result"] == true);
  CHECK(Eventually(kSoon, [&] {
    const auto sources = dm.Source(pb::SOURCE_OP_SHOW);
    return sources.sources_size() == 1 && !sources.sources(0).worker().empty();
  }));
  CHECK(dm.Subtask("t1", "s1").stage() == pb::STAGE_RUNNING);
  CHECK(dm.Subtask("t1", "s1").unit() == pb::UNIT_TYPE_SYNC);
  CHECK(dm.Subtask("t2", "s1").stage() == pb::STAGE_PAUSED);
  for (const auto& [key, value] : dm.Keys("/dm-master/")) {
    if (keys.count(key) == 0) FAIL("a key that was not there: " + key);
    if (key.find("bound-worker") == std::string::npos) CHECK(keys.at(key) == value);
  }
}

TEST_CASE("keys are read in pages of one revision, and changed together", "[migration]") {
  MigrationCluster dm(1, 0);
  std::map<std::string, std::string> keys;
  for (int i = 100; i < 150; ++i) keys["/x/" + std::to_string(i)] = "v";
  dm.Restore(keys);
  etcdserverpb::RangeRequest request;
  request.set_key("/x/");
  request.set_range_end("/x0");
  request.set_limit(20);
  const auto first = dm.Range(request);
  REQUIRE(first.kvs_size() == 20);
  CHECK(first.more());
  CHECK(first.count() == 50);
  dm.Restore({{"/x/999", "later"}});
  request.set_revision(first.header().revision());
  request.set_key(first.kvs(19).key() + std::string(1, '\0'));
  request.set_limit(0);
  CHECK(dm.Range(request).kvs_size() == 30);
  request.set_revision(0);
  CHECK(dm.Range(request).kvs_size() == 31);
  request.set_revision(1);
  CHECK(dm.RangeError(request) == grpc::StatusCode::OUT_OF_RANGE);
}

}  // namespace dmsim
