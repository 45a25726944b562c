// What Prometheus gets to see.
#include "server/metrics/exporter.h"

#include <google/protobuf/text_format.h>

#include <atomic>
#include <catch2/catch.hpp>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/dm/client.h"
#include "server/metrics/families.h"

namespace dmgr::metrics {
namespace {

Readings Sample() {
  Readings readings;
  v1::Task task;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(R"(
    cluster_name: "demo" task_name: "shop" stage: TASK_STAGE_PAUSED
    subtasks { source_id: "s1" stage: TASK_STAGE_PAUSED unit: TASK_UNIT_SYNC
               sync { lag { seconds: 65 } rows_per_second: 12 } errors { code: 10006 } }
    subtasks { source_id: "s\"2" stage: TASK_STAGE_RUNNING unit: TASK_UNIT_LOAD })",
                                                        &task));
  readings.tasks.push_back(task);
  readings.reached = {"demo"};
  readings.unreached = {{"dead", "no answer"}};
  readings.tls_days = {{"demo", 29.5}};
  readings.operations = {{"deploy", "succeeded", 3}, {"upgrade", "running", 2}};
  readings.calls = {{"dmgr.v1.TaskService/ListTasks", "OK", 7}};
  readings.host_sessions = 4;
  return readings;
}

std::string Scrape(const Exporter& exporter) {
  const auto answer =
      dm::HttpGet("http://127.0.0.1:" + std::to_string(exporter.port()) + "/metrics",
                  SteadyNow() + absl::Seconds(20));
  REQUIRE(answer.ok());
  return answer->body;
}

TEST_CASE("tasks, operations, calls and sessions are served as numbers", "[metrics]") {
  const auto exporter = Exporter::Start("127.0.0.1:0", Sample);
  REQUIRE(exporter.ok());
  const std::string text = Scrape(**exporter);
  for (const char* line :
       {R"(dmgr_task_stage{cluster="demo",task="shop",source="s1",stage="paused",unit="sync"} 1)",
        R"(dmgr_task_lag_seconds{cluster="demo",task="shop",source="s1"} 65)",
        R"(dmgr_task_errors{cluster="demo",task="shop",source="s1"} 1)",
        R"(dmgr_task_errors{cluster="demo",task="shop",source="s\"2"} 0)",
        R"(dmgr_task_rows_per_second{cluster="demo",task="shop",source="s1"} 12)",
        R"(dmgr_tasks{cluster="demo",stage="paused"} 1)",
        R"(dmgr_cluster_tls_days_left{cluster="demo"} 29.5)",
        R"(dmgr_cluster_reached{cluster="demo"} 1)", R"(dmgr_cluster_reached{cluster="dead"} 0)",
        R"(dmgr_operations{kind="deploy",state="succeeded"} 3)", "dmgr_active_operations 2",
        R"(dmgr_rpcs_total{method="dmgr.v1.TaskService/ListTasks",code="OK"} 7)",
        "dmgr_host_sessions 4", "dmgr_readings_complete 1"}) {
    CHECK_THAT(text, Catch::Contains(std::string(line) + "\n"));
  }
  // What loads has no lag.
  CHECK(text.find(R"(dmgr_task_lag_seconds{cluster="demo",task="shop",source="s\"2"})") ==
        std::string::npos);
}

TEST_CASE("however many scrape, it is read once in a period", "[metrics]") {
  std::atomic<int> reads = 0;
  const auto exporter = Exporter::Start(
      "127.0.0.1:0",
      [&] {
        ++reads;
        return Sample();
      },
      absl::Hours(1));
  REQUIRE(exporter.ok());
  for (int i = 0; i < 5; ++i) Scrape(**exporter);
  CHECK(reads == 1);
}

TEST_CASE("an address that is taken is an error that says so", "[metrics]") {
  const auto first = Exporter::Start("127.0.0.1:0", Sample);
  INFO(first.status().ToString());
  REQUIRE(first.ok());
  const auto second = Exporter::Start("127.0.0.1:" + std::to_string((*first)->port()), Sample);
  CHECK(Reason(second.status()) == "METRICS_LISTEN_FAILED");
}

TEST_CASE("there is an end to the subtasks that are told one by one", "[metrics]") {
  Readings readings;
  v1::Task task;
  for (int i = 0; i < 100; ++i) task.add_subtasks()->set_source_id("s" + std::to_string(i));
  readings.tasks.assign(kMostSubtasks / 100 + 1, task);
  double left_out = 0;
  for (const auto& family : FamiliesOf(readings)) {
    CHECK(family.metric.size() <= kMostSubtasks);
    if (family.name == "dmgr_subtasks_left_out") left_out = family.metric[0].gauge.value;
  }
  CHECK(left_out == 100);
}

TEST_CASE("without the database nothing is told of what it has", "[metrics]") {
  Readings readings = Sample();
  readings.is_complete = false;
  for (const auto& family : FamiliesOf(readings)) {
    CHECK_THAT(family.name, !Catch::StartsWith("dmgr_task") && !Catch::StartsWith("dmgr_oper"));
  }
}

}  // namespace
}  // namespace dmgr::metrics
