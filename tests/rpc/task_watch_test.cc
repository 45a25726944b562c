// Tasks over the API when DM cannot be asked, and those who watch them.
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dmgr/v1/task_service.grpc.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/migration_store.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

// A task of whose configuration nothing is left but that it was there.
void AddTask(const std::string& cluster, const std::string& name) {
  const auto uuid =
      Sql("SELECT cluster_uuid FROM cluster_meta WHERE cluster_name = '" + cluster + "'");
  const store::MigrationKey key{
      .cluster_uuid = uuid, .kind = store::MigrationKind::kTask, .name = name};
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::InsertRevision(tx, key, {.revision = 1, .user_name = "alice"}));
    return store::SetMigration(
        tx, {.key = key, .config = {.revision = 1}, .wanted = store::Wanted::kRunning});
  }));
}

void ForgetTask(const std::string& cluster, const std::string& name) {
  Sql("DELETE FROM migration_object o USING cluster_meta m WHERE m.cluster_uuid = o.cluster_uuid"
      " AND m.cluster_name = '" +
      cluster + "' AND o.name = '" + name + "' RETURNING o.name");
}

// A watch as somebody.
class TaskWatch {
 public:
  TaskWatch(const std::string& token, const v1::WatchTasksRequest& request)
      : stub_(v1::TaskService::NewStub(
            grpc::CreateChannel(Daemon().address(), grpc::InsecureChannelCredentials()))) {
    context_.AddMetadata("authorization", "Bearer " + token);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
    reader_ = stub_->WatchTasks(&context_, request);
  }
  ~TaskWatch() { context_.TryCancel(); }
  TaskWatch(const TaskWatch&) = delete;
  TaskWatch& operator=(const TaskWatch&) = delete;

  // All up to a picture that is complete; empty when the stream has ended.
  std::optional<v1::WatchTasksResponse> Await() {
    v1::WatchTasksResponse all;
    v1::WatchTasksResponse one;
    while (reader_->Read(&one)) {
      all.MergeFrom(one);
      if (one.complete()) return all;
    }
    return std::nullopt;
  }
  absl::Status End() {
    v1::WatchTasksResponse rest;
    while (reader_->Read(&rest)) {
    }
    return FromGrpcStatus(reader_->Finish());
  }

 private:
  std::unique_ptr<v1::TaskService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchTasksResponse>> reader_;
};

v1::WatchTasksRequest WatchOf(const std::string& cluster) {
  v1::WatchTasksRequest request;
  request.set_cluster_name(cluster);
  request.mutable_interval()->set_seconds(1);
  return request;
}

// Why the dm-masters are not reached is in each task: other words for it tell of all of them anew.
bool IsToldAnew(const v1::WatchTasksResponse& news, std::string* told) {
  const std::string reason = news.unreached_clusters().at("watched-tasks");
  return std::exchange(*told, reason) != reason;
}

bool Holds(const v1::WatchTasksResponse& news, const std::string& name) {
  return std::any_of(news.tasks().begin(), news.tasks().end(),
                     [&](const auto& task) { return task.task_name() == name; });
}

TEST_CASE("a task whose DM cannot be asked is shown as recorded, with why", "[rpc][migrations]") {
  AddCluster("with-lost-masters");
  AddTask("with-lost-masters", "shop");
  v1::GetTaskRequest get;
  get.set_cluster_name("with-lost-masters");
  get.set_task_name("shop");
  const auto task = Must<v1::GetTaskResponse>(get).task();
  CHECK(task.stage() == v1::TASK_STAGE_UNSPECIFIED);
  CHECK(task.wanted_stage() == v1::TASK_STAGE_RUNNING);
  CHECK_FALSE(task.unknown_reason().empty());
  get.set_task_name("none");
  CHECK(Reason(CallAs<v1::GetTaskResponse>(Daemon().Token(), get).status()) == "DM_UNAVAILABLE");

  v1::ListTasksRequest list;
  list.set_cluster_name("with-lost-masters");
  const auto all = Must<v1::ListTasksResponse>(list);
  REQUIRE(all.tasks_size() == 1);
  CHECK(all.tasks(0).unknown_reason() == all.unreached_clusters().at("with-lost-masters"));
  list.set_recorded_only(true);
  const auto recorded = Must<v1::ListTasksResponse>(list);
  REQUIRE(recorded.tasks_size() == 1);
  CHECK(recorded.tasks(0).unknown_reason().empty());
  CHECK(recorded.unreached_clusters().empty());
}

TEST_CASE("a watch tells of all tasks, then of those that come, change and go",
          "[rpc][migrations]") {
  AddCluster("watched-tasks");
  // As many as make several messages.
  for (int i = 0; i < 450; ++i) AddTask("watched-tasks", "t" + std::to_string(i));
  TaskWatch watch(Daemon().Token(), WatchOf("watched-tasks"));
  const auto first = watch.Await();
  REQUIRE(first.has_value());
  CHECK(first->tasks_size() == 450);
  CHECK(first->unreached_clusters().contains("watched-tasks"));
  CHECK(first->gone_tasks().empty());
  std::string told = first->unreached_clusters().at("watched-tasks");
  std::string name = "shop";
  AddTask("watched-tasks", name);
  auto more = watch.Await();
  REQUIRE(more.has_value());
  while (IsToldAnew(*more, &told)) {
    if (Holds(*more, name)) AddTask("watched-tasks", name += "s");
    more = watch.Await();
    REQUIRE(more.has_value());
  }
  REQUIRE(more->tasks_size() == 1);
  CHECK(more->tasks(0).task_name() == name);
  ForgetTask("watched-tasks", name);
  auto gone = watch.Await();
  REQUIRE(gone.has_value());
  bool is_anew = IsToldAnew(*gone, &told);
  while (is_anew && gone->gone_tasks().empty()) {
    gone = watch.Await();
    REQUIRE(gone.has_value());
    is_anew = IsToldAnew(*gone, &told);
  }
  CHECK(gone->tasks().empty() != is_anew);
  REQUIRE(gone->gone_tasks_size() == 1);
  CHECK(gone->gone_tasks(0).task_name() == name);

  auto some = WatchOf("watched-tasks");
  some.add_task_names("t7");
  TaskWatch of_one(Daemon().Token(), some);
  const auto one = of_one.Await();
  REQUIRE(one.has_value());
  CHECK(one->tasks_size() == 1);
}

TEST_CASE("a watch of tasks ends when its caller is disabled, and shows nobody else's",
          "[rpc][migrations]") {
  AddCluster("mine-to-watch");
  AddCluster("not-mine-to-watch");
  AddTask("mine-to-watch", "mine");
  AddTask("not-mine-to-watch", "theirs");
  v1::User user;
  user.set_name("task-watcher");
  *user.add_grants() = GrantOf(v1::ROLE_VIEWER, "mine-to-watch");
  AddUser(user);
  const std::string token = NewSessionOf("task-watcher");
  CHECK(Reason(TaskWatch(token, WatchOf("not-mine-to-watch")).End()) == "CLUSTER_NOT_FOUND");
  TaskWatch watch(token, WatchOf(""));
  const auto seen = watch.Await();
  REQUIRE(seen.has_value());
  REQUIRE(seen->tasks_size() == 1);
  CHECK(seen->tasks(0).task_name() == "mine");
  CHECK(seen->unreached_clusters_size() == 1);
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("task-watcher");
  update.mutable_user()->set_disabled(true);
  update.mutable_update_mask()->add_paths("disabled");
  Must<v1::UpdateUserResponse>(update);
  CHECK(absl::IsUnauthenticated(watch.End()));
}

TEST_CASE("there is nothing to watch of a cluster that there is not", "[rpc][migrations]") {
  CHECK(Reason(TaskWatch(Daemon().Token(), WatchOf("of-nobody")).End()) == "CLUSTER_NOT_FOUND");
}

}  // namespace
}  // namespace dmgr::testing
