// What the page shows of the API's answers.
#include "server/page/views.h"

#include <catch2/catch.hpp>

#include "common/error.h"

namespace dmgr::page {
namespace {

constexpr char kEvil[] = "<script>alert('x')</script>\"&";

// Nothing of it may come through.
void CheckHarmless(const std::string& html) {
  INFO(html);
  CHECK(html.find("<script>") == std::string::npos);
  CHECK(html.find("alert('x')") == std::string::npos);
  CHECK(html.find("&lt;script&gt;") != std::string::npos);
}

v1::Operation SomeOperation() {
  v1::Operation operation;
  operation.set_operation_id("0b1c");
  operation.set_kind(v1::OPERATION_KIND_SCALE_OUT);
  operation.set_cluster_name("orders");
  operation.set_state(v1::OPERATION_STATE_RUNNING);
  operation.set_progress_percent(41.6);
  operation.set_user_name("alice");
  operation.mutable_create_time()->set_seconds(1'700'000'000);
  auto* step = operation.add_steps();
  step->set_title("send dm-worker");
  step->set_host("h1");
  step->set_state(v1::STEP_STATE_RUNNING);
  step->set_bytes_done(50);
  step->set_bytes_total(200);
  return operation;
}

TEST_CASE("whatever a name, an error or a title is, it is text on the page", "[page]") {
  const auto language = GENERATE(Language::kEnglish, Language::kChinese);
  CheckHarmless(LoginPart(language, kEvil));
  CheckHarmless(InFrame({.language = language, .title = kEvil, .user = kEvil}, "the part"));
  CheckHarmless(ErrorPart(
      language, Error(absl::StatusCode::kInternal, "INTERNAL", "{}", kEvil).Remedy(kEvil)));
  v1::ListClustersResponse clusters;
  auto* cluster = clusters.add_clusters();
  cluster->set_name(kEvil);
  cluster->set_version(kEvil);
  cluster->set_active_operation_id(kEvil);
  CheckHarmless(ClustersPart(language, clusters));
  CheckHarmless(ClusterAwaitedPart(language, *cluster));
  v1::Operation operation = SomeOperation();
  operation.set_user_name(kEvil);
  operation.mutable_error()->set_message(kEvil);
  operation.mutable_steps(0)->set_title(kEvil);
  operation.mutable_steps(0)->mutable_error()->set_message(kEvil);
  CheckHarmless(OperationPart(language, operation));
  v1::ListOperationsResponse operations;
  *operations.add_operations() = operation;
  CheckHarmless(OperationsPart(language, operations));
  v1::ListTasksResponse tasks;
  auto* task = tasks.add_tasks();
  task->set_task_name(kEvil);
  task->set_advice(kEvil);
  auto* subtask = task->add_subtasks();
  subtask->set_source_id(kEvil);
  subtask->add_errors()->set_message(kEvil);
  (*tasks.mutable_unreached_clusters())[kEvil] = kEvil;
  CheckHarmless(TasksPart(language, tasks));
  v1::GetClusterStatusResponse status;
  status.set_cluster_name(kEvil);
  status.add_warnings(kEvil);
  auto* instance = status.add_instances();
  instance->set_name(kEvil);
  instance->set_reason(kEvil);
  instance->set_source(kEvil);
  CheckHarmless(ClusterPart(language, status, tasks, operations));
}

TEST_CASE("an operation is shown as it goes on, in two languages", "[page]") {
  v1::Operation operation = SomeOperation();
  const std::string english = OperationPart(Language::kEnglish, operation);
  CHECK_THAT(english, Catch::Contains("scale out") && Catch::Contains("running") &&
                          Catch::Contains("value=\"42\"") && Catch::Contains("25 %") &&
                          Catch::Contains("2023-11-14 22:13:20 UTC"));
  CHECK_THAT(english, !Catch::Contains("data-over"));
  const std::string chinese = OperationPart(Language::kChinese, operation);
  CHECK_THAT(chinese, Catch::Contains("扩容") && Catch::Contains("运行中"));
  operation.set_state(v1::OPERATION_STATE_FAILED);
  operation.mutable_error()->set_message("no space");
  google::rpc::ErrorInfo info;
  (*info.mutable_metadata())["remedy"] = "free some";
  operation.mutable_error()->add_details()->PackFrom(info);
  // A step has no error of its own by what stands around it.
  const std::string failed = OperationPart(Language::kEnglish, operation);
  CHECK_THAT(failed, Catch::Contains("data-over") && Catch::Contains("free some"));
  CHECK(failed.find("no space") == failed.rfind("no space"));
}

TEST_CASE("a list of clusters shows how many of their members work", "[page]") {
  v1::ListClustersResponse clusters;
  auto* cluster = clusters.add_clusters();
  cluster->set_name("orders");
  // It is not up, or nobody has asked.
  CHECK_THAT(ClustersPart(Language::kEnglish, clusters),
             Catch::Contains("<th>Health</th>") && !Catch::Contains("healthy"));
  cluster->mutable_health();
  CHECK_THAT(ClustersPart(Language::kEnglish, clusters), Catch::Contains("not known yet"));
  cluster->mutable_health()->mutable_observe_time()->set_seconds(1'700'000'000);
  cluster->mutable_health()->set_members(6);
  cluster->mutable_health()->set_working_members(5);
  CHECK_THAT(ClustersPart(Language::kEnglish, clusters),
             Catch::Contains("class=\"bad\">not healthy 5/6"));
  cluster->mutable_health()->set_working_members(6);
  CHECK_THAT(ClustersPart(Language::kChinese, clusters),
             Catch::Contains("class=\"good\">健康 6/6"));
}

TEST_CASE("a task is shown with what it does, and how far behind it is", "[page]") {
  v1::ListTasksResponse tasks;
  auto* task = tasks.add_tasks();
  task->set_cluster_name("orders");
  task->set_task_name("shop");
  auto* sync = task->add_subtasks();
  sync->set_source_id("s1");
  sync->set_stage(v1::TASK_STAGE_RUNNING);
  sync->set_unit(v1::TASK_UNIT_SYNC);
  sync->mutable_sync()->mutable_lag()->set_seconds(17);
  sync->mutable_sync()->set_rows_per_second(230);
  auto* load = task->add_subtasks();
  load->set_source_id("s2");
  load->set_stage(v1::TASK_STAGE_PAUSED);
  load->set_unit(v1::TASK_UNIT_LOAD);
  load->mutable_load()->set_finished_bytes(3);
  load->mutable_load()->set_total_bytes(4);
  load->add_errors()->set_message("duplicate key");
  const std::string html = TasksPart(Language::kEnglish, tasks);
  CHECK_THAT(html, Catch::Contains("17 s") && Catch::Contains("230 rows/s") &&
                       Catch::Contains("75 %") && Catch::Contains("duplicate key") &&
                       Catch::Contains("paused"));
  sync->mutable_sync()->mutable_lag()->set_seconds(0);
  sync->mutable_sync()->set_caught_up(true);
  CHECK_THAT(TasksPart(Language::kChinese, tasks), Catch::Contains("已追平"));
  CHECK_THAT(TasksPart(Language::kEnglish, {}), Catch::Contains("There is nothing here."));
}

TEST_CASE("the frame has a script only where something changes, and none of its own", "[page]") {
  const std::string live =
      InFrame({.language = Language::kChinese, .title = "t", .user = "alice", .period = 3},
              "<p>the part</p>");
  CHECK_THAT(live, Catch::Contains("lang=\"zh\"") && Catch::Contains("data-period=\"3\"") &&
                       Catch::Contains("<p>the part</p>") && Catch::Contains("alice") &&
                       Catch::Contains("src=\"/page.js\"") && !Catch::Contains("style=") &&
                       !Catch::Contains("onclick"));
  const std::string still = InFrame({.title = "t"}, LoginPart(Language::kEnglish, ""));
  CHECK_THAT(still, !Catch::Contains("<script") && !Catch::Contains("/logout") &&
                        Catch::Contains("type=\"password\"") && !Catch::Contains("role=\"alert\""));
}

}  // namespace
}  // namespace dmgr::page
