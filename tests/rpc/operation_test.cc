// Operations through the API: accepted once, one at a time, watched from any point.
#include <atomic>
#include <thread>

#include "common/ids.h"
#include "tests/rpc/fixture.h"

namespace dmgr::testing {
namespace {

using Clusters = v1::ClusterService::Stub;
using Operations = v1::OperationService::Stub;

struct Watched {
  v1::Operation operation;  // Of the first message.
  std::vector<v1::OperationEvent> events;
  absl::Status status;
};

// Watches to the end. on_open is called when the first message is here.
Watched Watch(const std::string& id, std::uint64_t after = 0,
              const std::function<void()>& on_open = {}) {
  ApiClient connection(Daemon().address(), Daemon().Token());
  grpc::ClientContext context;
  connection.Prepare(&context, absl::Minutes(3));
  v1::WatchOperationRequest request;
  request.set_operation_id(id);
  request.set_after_sequence(after);
  auto reader = connection.operations().WatchOperation(&context, request);
  Watched watched;
  v1::WatchOperationResponse message;
  bool first = true;
  while (reader->Read(&message)) {
    if (first) {
      watched.operation = message.operation();
      if (on_open) on_open();
    } else if (message.has_event()) {
      watched.events.push_back(message.event());
    }
    if (!first && message.has_operation()) watched.status = absl::InternalError("a second head");
    first = false;
  }
  const absl::Status ended = connection.Explain(reader->Finish());
  if (watched.status.ok()) watched.status = ended;
  return watched;
}

// Events from..to without a gap, the last one terminal.
void CheckEvents(const Watched& watched, std::uint64_t from, std::uint64_t to,
                 v1::OperationState last) {
  REQUIRE(watched.events.size() == to - from + 1);
  for (std::size_t i = 0; i < watched.events.size(); ++i) {
    CHECK(watched.events[i].sequence() == from + i);
    CHECK(watched.events[i].has_time());
  }
  CHECK(watched.events.back().operation_state().state() == last);
}

v1::Operation Destroy(const std::string& cluster, const std::string& request_id = "",
                      bool force = false) {
  v1::DestroyClusterRequest request;
  request.set_force(force);
  request.set_cluster_name(cluster);
  request.set_request_id(request_id);
  return MustCall(Daemon().Admin().clusters(), &Clusters::DestroyCluster, request).operation();
}

TEST_CASE("an operation without work on hosts runs to its end", "[rpc][operation]") {
  AddCluster("no-work");
  const auto accepted = Destroy("no-work");
  CHECK(accepted.state() == v1::OPERATION_STATE_QUEUED);
  CHECK(accepted.user_name() == TestDaemon::kAdmin);
  REQUIRE(accepted.steps_size() == 2);
  const auto ended = AwaitEnd(accepted.operation_id());
  CHECK(ended.state() == v1::OPERATION_STATE_SUCCEEDED);
  CHECK(ended.progress_percent() == Approx(100));
  CHECK_FALSE(ended.holds_cluster());
  for (const auto& step : ended.steps()) {
    CHECK(step.state() == v1::STEP_STATE_SUCCEEDED);
    CHECK(step.attempts() == 1);
  }
  v1::GetClusterRequest request;
  request.set_cluster_name("no-work");
  v1::GetClusterResponse response;
  auto& admin = Daemon().Admin();
  CHECK(absl::IsNotFound(admin.Call(admin.clusters(), &Clusters::GetCluster, request, &response)));
  v1::ListOperationsRequest list;
  list.set_cluster_name("no-work");
  const auto listed = MustCall(admin.operations(), &Operations::ListOperations, list);
  REQUIRE(listed.operations_size() == 1);
  CHECK(listed.operations(0).steps_size() == 0);
}

TEST_CASE("a watch replays from any point and ends with the operation", "[rpc][watch]") {
  AddCluster("replayed");
  const std::string id = AwaitEnd(Destroy("replayed").operation_id()).operation_id();
  const auto all = Watch(id);
  REQUIRE_OK(all.status);
  const std::uint64_t last = all.operation.last_sequence();
  CHECK(all.operation.operation_id() == id);
  CHECK(all.operation.steps_size() == 2);
  REQUIRE(last > 4);
  CheckEvents(all, 1, last, v1::OPERATION_STATE_SUCCEEDED);
  CHECK(all.events.front().operation_state().state() == v1::OPERATION_STATE_QUEUED);

  const auto middle = Watch(id, last - 2);
  REQUIRE_OK(middle.status);
  CheckEvents(middle, last - 1, last, v1::OPERATION_STATE_SUCCEEDED);
  for (const std::uint64_t after : {last, last + 1000}) {
    const auto nothing = Watch(id, after);
    CHECK(nothing.status.ok());
    CHECK(nothing.events.empty());
    CHECK(nothing.operation.state() == v1::OPERATION_STATE_SUCCEEDED);
  }
}

TEST_CASE("a watch that is open follows to the end", "[rpc][watch]") {
  SilentHost host;
  AddCluster("followed", host);
  const auto operation = BeginStop("followed");
  const auto watched = Watch(operation.operation_id(), 0, [&] { host.Close(); });
  REQUIRE_OK(watched.status);
  CHECK(watched.operation.state() == v1::OPERATION_STATE_RUNNING);
  const auto ended = GetOperation(operation.operation_id());
  CheckEvents(watched, 1, ended.last_sequence(), v1::OPERATION_STATE_FAILED);
  // A transient failure was tried again before it counted.
  CHECK(ended.steps(0).attempts() > 1);
  CHECK(ended.error().code() == 14);
  CHECK(ended.holds_cluster());
}

TEST_CASE("two hundred watchers see the same", "[rpc][watch]") {
  constexpr int kWatchers = 200;
  SilentHost host;
  AddCluster("crowded", host);
  const std::string id = BeginStop("crowded").operation_id();
  std::atomic<int> open = 0;
  std::vector<Watched> watched(kWatchers);
  std::vector<std::thread> threads;
  Daemon().Token();
  for (int i = 0; i < kWatchers; ++i) {
    threads.emplace_back([&, i] { watched[i] = Watch(id, 0, [&] { ++open; }); });
  }
  const bool all_open = Eventually([&] { return open == kWatchers; }, std::chrono::seconds(60));
  // Meanwhile others are served.
  CHECK(HealthOf(Daemon().address()) == 1);
  host.Close();
  for (auto& thread : threads) thread.join();
  CHECK(all_open);
  const auto last = GetOperation(id).last_sequence();
  for (const auto& one : watched) {
    REQUIRE_OK(one.status);
    CheckEvents(one, 1, last, v1::OPERATION_STATE_FAILED);
  }
}

TEST_CASE("what does not exist cannot be watched, cancelled or resumed", "[rpc][watch]") {
  auto& admin = Daemon().Admin();
  for (const std::string& id : {NewUuid(), std::string("no uuid"), std::string()}) {
    INFO('"' << id << '"');
    CHECK(absl::IsNotFound(Watch(id).status));
    v1::CancelOperationRequest cancel;
    cancel.set_operation_id(id);
    v1::CancelOperationResponse cancelled;
    CHECK(absl::IsNotFound(
        admin.Call(admin.operations(), &Operations::CancelOperation, cancel, &cancelled)));
    v1::ResumeOperationRequest resume;
    resume.set_operation_id(id);
    v1::ResumeOperationResponse resumed;
    CHECK(absl::IsNotFound(
        admin.Call(admin.operations(), &Operations::ResumeOperation, resume, &resumed)));
  }
}

TEST_CASE("a repeated request returns the same operation", "[rpc][request_id]") {
  AddCluster("repeated");
  AddCluster("other");
  const std::string request_id = NewUuid();
  const auto first = Destroy("repeated", request_id);
  CHECK(Destroy("repeated", request_id).operation_id() == first.operation_id());
  // Also when the cluster is gone.
  AwaitEnd(first.operation_id());
  const auto again = Destroy("repeated", request_id);
  CHECK(again.operation_id() == first.operation_id());
  CHECK(again.state() == v1::OPERATION_STATE_SUCCEEDED);

  // With another body, or another method, it is a mistake.
  auto& admin = Daemon().Admin();
  v1::DestroyClusterRequest destroy;
  destroy.set_cluster_name("other");
  destroy.set_request_id(request_id);
  v1::DestroyClusterResponse destroyed;
  const auto reused = admin.Call(admin.clusters(), &Clusters::DestroyCluster, destroy, &destroyed);
  CHECK(absl::IsInvalidArgument(reused));
  CHECK(Reason(reused) == "REQUEST_ID_REUSED");
  REQUIRE(FieldViolations(reused).field_violations_size() == 1);
  CHECK(FieldViolations(reused).field_violations(0).field() == "request_id");
  v1::StopClusterRequest stop;
  stop.set_cluster_name("repeated");
  stop.set_request_id(request_id);
  v1::StopClusterResponse stopped;
  CHECK(absl::IsInvalidArgument(
      admin.Call(admin.clusters(), &Clusters::StopCluster, stop, &stopped)));
  destroy.set_request_id("not a uuid");
  CHECK(absl::IsInvalidArgument(
      admin.Call(admin.clusters(), &Clusters::DestroyCluster, destroy, &destroyed)));
  // Nothing of it has touched the other cluster.
  v1::GetClusterRequest get;
  get.set_cluster_name("other");
  CHECK(MustCall(admin.clusters(), &Clusters::GetCluster, get).cluster().state() ==
        v1::CLUSTER_STATE_UP);
}

TEST_CASE("calls at once with one request_id make one operation", "[rpc][request_id]") {
  AddCluster("at-once");
  const std::string request_id = NewUuid();
  constexpr int kCalls = 8;
  std::vector<std::string> ids(kCalls);
  std::vector<std::thread> threads;
  Daemon().Token();
  for (int i = 0; i < kCalls; ++i) {
    threads.emplace_back([&, i] {
      ApiClient connection(Daemon().address(), Daemon().Token());
      v1::DestroyClusterRequest request;
      request.set_cluster_name("at-once");
      request.set_request_id(request_id);
      v1::DestroyClusterResponse response;
      const auto status =
          connection.Call(connection.clusters(), &Clusters::DestroyCluster, request, &response);
      ids[i] = status.ok() ? response.operation().operation_id() : status.ToString();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& id : ids) CHECK(id == ids[0]);
  CHECK(AwaitEnd(ids[0]).state() == v1::OPERATION_STATE_SUCCEEDED);
}

TEST_CASE("a second operation is refused and told which one runs", "[rpc][operation]") {
  SilentHost host;
  AddCluster("busy", host);
  const std::string id = BeginStop("busy").operation_id();
  auto& admin = Daemon().Admin();
  const auto check = [&](const absl::Status& status) {
    INFO(status.ToString());
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(Reason(status) == "CLUSTER_BUSY");
    CHECK(Metadata(status, "operation_id") == id);
    CHECK_THAT(std::string(Message(status)), Catch::Contains(id));
    const auto next = NextActionsOf(status);
    REQUIRE_FALSE(next.empty());
    for (const auto& action : next) CHECK(action.arguments().at("operation_id") == id);
  };
  v1::StartClusterRequest start;
  start.set_cluster_name("busy");
  v1::StartClusterResponse started;
  check(admin.Call(admin.clusters(), &Clusters::StartCluster, start, &started));
  // Nor is anything planned, or looked at, for a dry run.
  start.set_validate_only(true);
  check(admin.Call(admin.clusters(), &Clusters::StartCluster, start, &started));
  v1::StopClusterRequest stop;
  stop.set_cluster_name("busy");
  v1::StopClusterResponse stopped;
  check(admin.Call(admin.clusters(), &Clusters::StopCluster, stop, &stopped));
  v1::DestroyClusterRequest destroy;
  destroy.set_cluster_name("busy");
  v1::DestroyClusterResponse destroyed;
  check(admin.Call(admin.clusters(), &Clusters::DestroyCluster, destroy, &destroyed));
  // What only reads does not wait.
  v1::GetClusterRequest get;
  get.set_cluster_name("busy");
  CHECK(MustCall(admin.clusters(), &Clusters::GetCluster, get).cluster().active_operation_id() ==
        id);
  host.Close();
  AwaitEnd(id);
}

TEST_CASE("a plan that is only asked for is not stored", "[rpc][operation]") {
  AddCluster("planned");
  const std::string before = Sql("SELECT count(*) FROM operation");
  v1::DestroyClusterRequest request;
  request.set_cluster_name("planned");
  request.set_validate_only(true);
  const auto plan =
      MustCall(Daemon().Admin().clusters(), &Clusters::DestroyCluster, request).operation();
  CHECK(plan.operation_id().empty());
  CHECK(plan.steps_size() == 2);
  CHECK(Sql("SELECT count(*) FROM operation") == before);
}

TEST_CASE("a cancel ends an operation at a step's boundary, once", "[rpc][operation]") {
  SilentHost host;
  AddCluster("cancelled", host);
  const std::string id = BeginStop("cancelled").operation_id();
  auto& admin = Daemon().Admin();
  v1::CancelOperationRequest request;
  request.set_operation_id(id);
  for (int i = 0; i < 2; ++i) {
    const auto response =
        MustCall(admin.operations(), &Operations::CancelOperation, request).operation();
    CHECK((response.state() == v1::OPERATION_STATE_CANCELLING ||
           response.state() == v1::OPERATION_STATE_CANCELLED));
  }
  host.Close();
  const auto ended = AwaitEnd(id);
  CHECK(ended.state() == v1::OPERATION_STATE_CANCELLED);
  // It holds the cluster until it is resumed or superseded.
  CHECK(ended.holds_cluster());
  CHECK(MustCall(admin.operations(), &Operations::CancelOperation, request).operation().state() ==
        v1::OPERATION_STATE_CANCELLED);
  const auto successor = Destroy("cancelled", "", /*force=*/true);
  CHECK(GetOperation(id).superseded_by() == successor.operation_id());
  AwaitEnd(successor.operation_id());
}

TEST_CASE("SIGTERM with an open watch ends dmgrd within its grace", "[rpc][operation]") {
  SilentHost host;
  AddCluster("unfinished", host);
  const std::string id = BeginStop("unfinished").operation_id();
  Watched watched;
  std::atomic<bool> open = false;
  Daemon().Token();
  std::thread watcher([&] { watched = Watch(id, 0, [&] { open = true; }); });
  CHECK(Eventually([&] { return open.load(); }));
  const auto began = std::chrono::steady_clock::now();
  // shutdown_grace_seconds of a test's daemon is 10; PostgreSQL ends with it.
  const int exit_code = Daemon().Stop(std::chrono::seconds(60));
  const auto took = std::chrono::steady_clock::now() - began;
  watcher.join();
  CHECK(exit_code == 0);
  CHECK(took < std::chrono::seconds(15));
  CHECK_FALSE(watched.status.ok());
  CHECK_FALSE(watched.events.empty());

  // What was left goes on with the next start.
  Daemon().Start();
  CHECK_FALSE(GetOperation(id).has_end_time());
  host.Close();
  CHECK(AwaitEnd(id).state() == v1::OPERATION_STATE_FAILED);
}

}  // namespace
}  // namespace dmgr::testing
