// Sources, targets and tasks: what is made of words, and what is printed.
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>

#include "client/migrations/configs.h"
#include "client/output/structured.h"
#include "client/output/tables.h"
#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/source_service.pb.h"
#include "dmgr/v1/target_service.pb.h"
#include "dmgr/v1/task_service.pb.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

using Texts = std::vector<std::string>;

TaskWords Shop() {
  TaskWords words;
  words.name = "shop";
  words.sources = {"s1", "s2"};
  words.target = "prod";
  words.mode = "all";
  return words;
}

YAML::Node Made(const TaskWords& words) {
  const auto yaml = TaskYaml(words);
  REQUIRE(yaml.ok());
  return YAML::Load(*yaml);
}

TEST_CASE("a source's configuration keeps every word as it was typed", "[migrations]") {
  const SourceWords words{"s1", "db1", 3307, "dm", "a\"b: #c\\'\n*&é", true, true};
  const YAML::Node node = YAML::Load(SourceYaml(words));
  CHECK(node["source-id"].as<std::string>() == "s1");
  CHECK(node["enable-gtid"].as<bool>());
  CHECK(node["enable-relay"].as<bool>());
  CHECK(node["from"]["host"].as<std::string>() == "db1");
  CHECK(node["from"]["port"].as<int>() == 3307);
  CHECK(node["from"]["user"].as<std::string>() == "dm");
  CHECK(node["from"]["password"].as<std::string>() == words.password);
}

TEST_CASE("a task of words has DM's keys, and no others", "[migrations]") {
  CHECK(*TaskYaml(Shop()) ==
        "name: \"shop\"\ntask-mode: \"all\"\ntarget: \"prod\"\nmysql-instances:\n"
        "  - source-id: \"s1\"\n  - source-id: \"s2\"\n");
  TaskWords words = Shop();
  words.shard_mode = "optimistic";
  CHECK(Made(words)["shard-mode"].as<std::string>() == "optimistic");
}

TEST_CASE("tables of a task", "[migrations]") {
  TaskWords words = Shop();
  words.tables = {"shop.*", "shop_?.*"};
  YAML::Node list = Made(words)["block-allow-list"]["tables"];
  CHECK(list["do-dbs"].as<Texts>() == Texts{"shop", "shop_?"});
  INFO("whole databases need no list of tables");
  CHECK_FALSE(list["do-tables"].IsDefined());

  words.tables = {"shop.orders", "shop.t_*", "stock.*"};
  const YAML::Node node = Made(words);
  list = node["block-allow-list"]["tables"];
  CHECK(list["do-dbs"].as<Texts>() == Texts{"shop", "stock"});
  REQUIRE(list["do-tables"].size() == 3);
  CHECK(list["do-tables"][1]["db-name"].as<std::string>() == "shop");
  CHECK(list["do-tables"][1]["tbl-name"].as<std::string>() == "t_*");
  CHECK(list["do-tables"][2]["tbl-name"].as<std::string>() == "*");
  for (const auto& instance : node["mysql-instances"]) {
    CHECK(instance["block-allow-list"].as<std::string>() == "tables");
  }
}

TEST_CASE("routes of a task", "[migrations]") {
  TaskWords words = Shop();
  words.routes = {"shop.*=>shop2.*", "shop_*.t_*=>shop.t", "a.b=>c.*"};
  const YAML::Node node = Made(words);
  for (const auto& instance : node["mysql-instances"]) {
    CHECK(instance["route-rules"].as<Texts>() == Texts{"route-1", "route-2", "route-3"});
  }
  const YAML::Node routes = node["routes"];
  CHECK(routes["route-1"]["schema-pattern"].as<std::string>() == "shop");
  CHECK(routes["route-1"]["target-schema"].as<std::string>() == "shop2");
  INFO("a whole database's route is also for its own statements");
  CHECK(routes["route-1"].size() == 2);
  CHECK(routes["route-2"]["table-pattern"].as<std::string>() == "t_*");
  CHECK(routes["route-2"]["target-table"].as<std::string>() == "t");
  CHECK(routes["route-3"]["table-pattern"].as<std::string>() == "b");
  CHECK_FALSE(routes["route-3"]["target-table"].IsDefined());
}

TEST_CASE("what is no table and no route is refused by its name", "[migrations]") {
  struct Row {
    Texts tables;
    Texts routes;
  };
  for (const Row& row : {Row{{"shop"}, {}}, Row{{".orders"}, {}}, Row{{"shop."}, {}},
                         Row{{}, {"shop.*"}}, Row{{}, {"shop=>x"}}, Row{{}, {"shop.*=>x"}},
                         Row{{}, {"shop.*=>x*.y"}}, Row{{}, {"shop.*=>x.t_*"}}}) {
    TaskWords words = Shop();
    words.tables = row.tables;
    words.routes = row.routes;
    const auto yaml = TaskYaml(words);
    INFO((row.tables.empty() ? row.routes : row.tables).front());
    CHECK(Reason(yaml.status()) == "BAD_USAGE");
    CHECK(absl::IsInvalidArgument(yaml.status()));
  }
}

v1::Task SampleTask() {
  return Parse<v1::Task>(R"pb(
    cluster_name: "demo"
    task_name: "shop"
    revision: 3
    stage: TASK_STAGE_PAUSED
    target_name: "prod"
    advice: "skip the statement, then resume"
    subtasks {
      source_id: "s1"
      worker_name: "w1"
      stage: TASK_STAGE_RUNNING
      unit: TASK_UNIT_DUMP
      dump {
        total_tables: 4
        completed_tables: 1
        finished_bytes: 1000
        finished_rows: 50
        total_rows: 200
        bytes_per_second: 100
      }
    }
    subtasks {
      source_id: "s2"
      worker_name: "w2"
      stage: TASK_STAGE_RUNNING
      unit: TASK_UNIT_LOAD
      load { finished_bytes: 1024 total_bytes: 4096 bytes_per_second: 1024 }
    }
    subtasks {
      source_id: "s3"
      stage: TASK_STAGE_PAUSED
      unit: TASK_UNIT_SYNC
      sync {
        lag { seconds: 65 }
        rows_per_second: 7
        source_binlog: "(bin.2, 900)"
        task_binlog: "(bin.2, 154)"
        blocking_ddls: "alter table t"
      }
      errors {
        code: 10006
        error_class: "database"
        message: "execute statement failed"
        raw_cause: "Error 1054: Unknown column"
        workaround: "add the column"
      }
    }
  )pb");
}

TEST_CASE("a task's table has its errors first, then each source", "[migrations]") {
  v1::GetTaskResponse response;
  *response.mutable_task() = SampleTask();
  const auto lines = Lines(ToTable(response));
  REQUIRE(lines.size() == 10);
  CHECK(lines[0] == "task shop of demo  paused  revision 3  target prod");
  CHECK(lines[1] == "s3: error 10006 (database): execute statement failed");
  CHECK(lines[2] == "  cause: Error 1054: Unknown column");
  CHECK(lines[3] == "  what helps: add the column");
  CHECK_THAT(lines[4], Catch::StartsWith("SOURCE") && Catch::Contains("LEFT"));
  INFO("150 of 200 rows are left, of 20 bytes each, at 100 bytes a second");
  CHECK_THAT(lines[5], Catch::Contains("25 %, 50 of 200 rows") && Catch::Contains("  30s  "));
  CHECK_THAT(lines[6], Catch::Contains("25 %, 1.0 KiB of 4.0 KiB") && Catch::Contains("  3s  "));
  CHECK_THAT(lines[7], Catch::Contains("1m 5s") && Catch::Contains("(bin.2, 154)"));
  CHECK(lines[8] == "s3: waits for other shards: alter table t");
  CHECK(lines[9] == "next: skip the statement, then resume");
}

TEST_CASE("a task is as far in the list as its last source", "[migrations]") {
  v1::ListTasksResponse response;
  *response.add_tasks() = SampleTask();
  auto* foreign = response.add_tasks();
  foreign->set_cluster_name("test");
  foreign->set_task_name("other");
  foreign->set_foreign(true);
  foreign->set_stage(v1::TASK_STAGE_RUNNING);
  (*response.mutable_unreached_clusters())["dead"] = "no dm-master answers";
  const auto lines = Lines(ToTable(response));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "CLUSTER  TASK   STAGE             UNIT  PROGRESS  LAG    NEXT");
  CHECK(lines[1] ==
        "demo     shop   paused            dump  25 %      1m 5s  skip the statement, then resume");
  CHECK(lines[2] == "test     other  running, foreign  -     -         -      -");
  CHECK(lines[3] == "cluster dead could not be asked: no dm-master answers");
}

TEST_CASE("what DM estimates too low is no more than all", "[migrations]") {
  auto task = SampleTask();
  task.mutable_subtasks()->DeleteSubrange(1, 2);
  auto* dump = task.mutable_subtasks(0)->mutable_dump();
  dump->set_total_rows(10);
  v1::GetTaskResponse response;
  *response.mutable_task() = task;
  CHECK_THAT(ToTable(response),
             Catch::Contains("100 %, 50 of 10 rows") && Catch::Contains("  0s "));
  dump->set_total_rows(0);
  *response.mutable_task()->mutable_subtasks(0) = task.subtasks(0);
  CHECK_THAT(ToTable(response), Catch::Contains("25 %, 1 of 4 tables"));
}

TEST_CASE("of a task whose DM cannot be asked it says so, and why", "[migrations]") {
  const auto task = Parse<v1::Task>(R"(
    cluster_name: "demo" task_name: "shop" revision: 2 unknown_reason: "no dm-master answers")");
  v1::GetTaskResponse one;
  *one.mutable_task() = task;
  CHECK(ToTable(one) ==
        "task shop of demo  not known  revision 2\n"
        "not known: no dm-master answers\n");
  v1::ListTasksResponse all;
  *all.add_tasks() = task;
  CHECK_THAT(ToTable(all), Catch::Contains("not known: no dm-master answers"));
  CHECK(TaskLines(all)[0].what == "not known: no dm-master answers");
}

TEST_CASE("a cluster's status counts its tasks, and says what to do for which", "[migrations]") {
  v1::GetClusterStatusResponse status;
  *status.mutable_migrations() = Parse<v1::MigrationsStatus>(R"(
    running_tasks: 2 paused_tasks: 1 bound_sources: 2 unbound_sources: "s3"
    concerns { task_name: "shop" stage_text: "paused" cause: "Error 1054" advice: "add it" })");
  CHECK_THAT(ToTable(status), Catch::Contains("tasks: 2 running, 1 paused\n"
                                              "sources: 2 bound, not bound: s3\n"
                                              "task shop: paused: Error 1054\n"
                                              "  next: add it\n"));
  *status.mutable_migrations() = Parse<v1::MigrationsStatus>(R"(unknown_reason: "no answer")");
  CHECK_THAT(ToTable(status), Catch::Contains("tasks and sources: not known: no answer\n"));
}

TEST_CASE("a watch's lines change with what counts only", "[migrations]") {
  v1::ListTasksResponse response;
  *response.add_tasks() = SampleTask();
  const auto before = TaskLines(response);
  REQUIRE(before.size() == 3);
  CHECK(before[0].name == "demo  shop  s1");
  CHECK(before[0].what == "running  dump  25 %");
  CHECK(before[2].what == "paused  sync  lag 1m 5s  execute statement failed");
  response.mutable_tasks(0)->mutable_subtasks(2)->mutable_sync()->set_rows_per_second(9);
  response.mutable_tasks(0)->mutable_subtasks(2)->mutable_sync()->set_task_binlog("(bin.2, 155)");
  CHECK(TaskLines(response)[2].what == before[2].what);
}

TEST_CASE("a check says failures first, and what to do once", "[migrations]") {
  const auto lines = Lines(ToTable(Parse<v1::CheckTaskResponse>(R"(
    checks { check_name: "version" result: CHECK_RESULT_WARN errors: "MariaDB is experimental" }
    checks { check_name: "privileges" result: CHECK_RESULT_FAIL errors: "lacks SELECT"
             errors: "lacks RELOAD" instruction: "grant them" }
    passed_count: 9)")));
  REQUIRE(lines.size() == 5);
  CHECK(lines[1] == "fail    privileges  lacks SELECT             grant them");
  CHECK(lines[2] == "                    lacks RELOAD");
  CHECK(lines[3] == "warn    version     MariaDB is experimental  -");
  CHECK(lines[4] == "1 failed, 1 warnings, 9 passed");
  CHECK(ToTable(Parse<v1::CheckTaskResponse>("passed_count: 2")) ==
        "0 failed, 0 warnings, 2 passed\n");
}

TEST_CASE("sources and targets as tables", "[migrations]") {
  const auto sources = Lines(ToTable(Parse<v1::ListSourcesResponse>(R"(
    sources { source_id: "s1" revision: 2 worker_name: "w1" task_names: "shop" task_names: "stock"
              relay { stage: "Running" caught_up: true } }
    sources { source_id: "s2" revision: 1 missing: true }
    sources { source_id: "s3" foreign: true worker_name: "w2" })")));
  REQUIRE(sources.size() == 4);
  CHECK(sources[1] == "s1      bound    w1      Running, caught up  2         shop,stock");
  CHECK_THAT(sources[2], Catch::Contains("missing"));
  CHECK_THAT(sources[3], Catch::Contains("foreign"));
  const auto targets = Lines(ToTable(Parse<v1::ListTargetsResponse>(R"(
    targets { target_name: "prod" host: "fd00::1" port: 4000 user_name: "dm" ca_certificate: "x"
              revision: 1 })")));
  REQUIRE(targets.size() == 2);
  CHECK(targets[1] == "prod    [fd00::1]:4000  dm    checked  1         -");
}

TEST_CASE("a source is shown with its configuration", "[migrations]") {
  const std::string text = ToTable(Parse<v1::GetSourceResponse>(R"(
    source { source_id: "s1" cluster_name: "demo" config_yaml: "source-id: s1\n"
             relay { stage: "Paused" errors: "no space" } })"));
  CHECK_THAT(text, Catch::EndsWith("relay: no space\n\nsource-id: s1\n"));
}

}  // namespace
}  // namespace dmgr::client
