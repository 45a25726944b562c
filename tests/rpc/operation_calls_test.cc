// What is asked of operations beside the watch of one: the end, the events by pages, the list as it
// changes, the call that made one.
#include <google/protobuf/util/time_util.h>
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/ids.h"
#include "dmgr/v1/operation_service.grpc.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

using google::protobuf::util::TimeUtil;

v1::Operation DestroyAnew(const std::string& cluster) {
  v1::DestroyClusterRequest request;
  request.set_cluster_name(cluster);
  request.set_request_id(NewUuid());
  return Must<v1::DestroyClusterResponse>(request).operation();
}

v1::WaitOperationRequest WaitFor(const std::string& id, int seconds) {
  v1::WaitOperationRequest request;
  request.set_operation_id(id);
  *request.mutable_timeout() = TimeUtil::SecondsToDuration(seconds);
  return request;
}

TEST_CASE("a wait answers when the operation has ended", "[rpc][operation]") {
  AddCluster("waited");
  const std::string id = DestroyAnew("waited").operation_id();
  const auto ended = Must<v1::WaitOperationResponse>(WaitFor(id, 60));
  CHECK(ended.done());
  CHECK(ended.operation().state() == v1::OPERATION_STATE_SUCCEEDED);
  // At once, when it has ended before.
  CHECK(Must<v1::WaitOperationResponse>(WaitFor(id, 0)).done());
  CHECK(
      Reason(CallAs<v1::WaitOperationResponse>(Daemon().Token(), WaitFor(NewUuid(), 1)).status()) ==
      "OPERATION_NOT_FOUND");
}

TEST_CASE("a wait answers when its time has passed, and ends with its caller's session",
          "[rpc][operation]") {
  SilentHost host;
  AddCluster("waited-long", host);
  const std::string id = BeginStop("waited-long").operation_id();
  const auto answer = Must<v1::WaitOperationResponse>(WaitFor(id, 1));
  CHECK_FALSE(answer.done());
  CHECK(answer.operation().operation_id() == id);

  const std::string token = NewSession(v1::ROLE_VIEWER);
  absl::Status ended;
  std::thread waiting(
      [&] { ended = CallAs<v1::WaitOperationResponse>(token, WaitFor(id, 600)).status(); });
  CHECK(CallAs<v1::LogoutResponse>(token, v1::LogoutRequest()).ok());
  waiting.join();
  CHECK(absl::IsUnauthenticated(ended));
  host.Close();
  AwaitEnd(id);
}

TEST_CASE("a watch ends when its caller is disabled", "[rpc][operation]") {
  SilentHost host;
  AddCluster("watched-by-none", host);
  const std::string id = BeginStop("watched-by-none").operation_id();
  AddUser("watcher", v1::ROLE_VIEWER);
  v1::LoginRequest login;
  login.set_user_name("watcher");
  login.set_password(TestDaemon::kPassword);
  const auto session = CallAs<v1::LoginResponse>("", login);
  REQUIRE_OK(session.status());
  absl::Status one;
  absl::Status all;
  v1::WatchOperationRequest request;
  request.set_operation_id(id);
  const std::string token = session->session().token();
  std::thread watching_one(
      [&] { one = CallAs<v1::WatchOperationResponse>(token, request).status(); });
  std::thread watching_all([&] {
    all = CallAs<v1::WatchOperationsResponse>(token, v1::WatchOperationsRequest()).status();
  });
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("watcher");
  update.mutable_user()->set_disabled(true);
  update.mutable_update_mask()->add_paths("disabled");
  Must<v1::UpdateUserResponse>(update);
  watching_one.join();
  watching_all.join();
  CHECK(absl::IsUnauthenticated(one));
  CHECK(absl::IsUnauthenticated(all));
  host.Close();
  AwaitEnd(id);
}

TEST_CASE("all events come by pages, none twice", "[rpc][operation]") {
  AddCluster("paged");
  const auto operation = AwaitEnd(DestroyAnew("paged").operation_id());
  v1::ListOperationEventsRequest request;
  request.set_operation_id(operation.operation_id());
  request.set_page_size(2);
  std::uint64_t sequence = 0;
  do {
    const auto page = Must<v1::ListOperationEventsResponse>(request);
    CHECK(page.events_size() <= 2);
    for (const auto& event : page.events()) CHECK(event.sequence() == ++sequence);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  CHECK(sequence == operation.last_sequence());
  request.set_after_sequence(sequence - 1);
  CHECK(Must<v1::ListOperationEventsResponse>(request).events_size() == 1);
  request.set_page_token("nonsense");
  CHECK(absl::IsInvalidArgument(
      CallAs<v1::ListOperationEventsResponse>(Daemon().Token(), request).status()));
  request.clear_page_token();
  request.set_operation_id(NewUuid());
  CHECK(absl::IsNotFound(
      CallAs<v1::ListOperationEventsResponse>(Daemon().Token(), request).status()));
}

// The percentages that a watch from `after` tells with its events.
std::vector<double> Percents(const std::string& id, std::uint64_t after) {
  v1::WatchOperationRequest request;
  request.set_operation_id(id);
  request.set_after_sequence(after);
  const auto answer = RawCall(Daemon().address(), "dmgr.v1.OperationService/WatchOperation",
                              request.SerializeAsString(), "Bearer " + Daemon().Token());
  REQUIRE(answer.status.ok());
  std::vector<double> percents;
  for (const auto& bytes : answer.messages) {
    v1::WatchOperationResponse message;
    REQUIRE(message.ParseFromString(bytes));
    if (message.has_event()) percents.push_back(message.event().progress_percent());
  }
  return percents;
}

TEST_CASE("each event tells the progress after it, from wherever it is watched",
          "[rpc][operation]") {
  AddCluster("progressing");
  const auto operation = AwaitEnd(DestroyAnew("progressing").operation_id());
  const auto all = Percents(operation.operation_id(), 0);
  REQUIRE(all.size() == operation.last_sequence());
  CHECK(all.front() == 0);
  CHECK(all.back() == 100);
  CHECK(std::is_sorted(all.begin(), all.end()));
  const auto later = Percents(operation.operation_id(), 3);
  CHECK(later == std::vector<double>(all.begin() + 3, all.end()));
}

TEST_CASE("an operation shows the call that made it, without its secrets", "[rpc][operation]") {
  AddCluster("echoed");
  v1::DestroyClusterRequest request;
  request.set_cluster_name("echoed");
  request.set_request_id(NewUuid());
  const auto made = Must<v1::DestroyClusterResponse>(request).operation();
  const auto operation = AwaitEnd(made.operation_id());
  CHECK(operation.request_id() == request.request_id());
  CHECK(IsUuid(operation.cluster_uuid()));
  v1::DestroyClusterRequest echoed;
  REQUIRE(operation.request().UnpackTo(&echoed));
  CHECK(echoed.SerializeAsString() == request.SerializeAsString());
  v1::ListOperationsRequest list;
  list.set_cluster_name("echoed");
  const auto listed = Must<v1::ListOperationsResponse>(list);
  REQUIRE(listed.operations_size() == 1);
  CHECK_FALSE(listed.operations(0).has_request());
}

TEST_CASE("an operation says what can be done with it", "[rpc][operation]") {
  SilentHost host;
  AddCluster("undecided", host);
  const std::string id = BeginStop("undecided").operation_id();
  const auto actions = [&] {
    std::vector<v1::Action> list;
    const v1::Operation operation = GetOperation(id);
    for (const auto& next : operation.next_actions()) {
      CHECK(next.arguments().at("operation_id") == id);
      list.push_back(next.action());
    }
    return list;
  };
  CHECK(actions() ==
        std::vector<v1::Action>{v1::ACTION_WATCH_OPERATION, v1::ACTION_CANCEL_OPERATION});
  v1::CancelOperationRequest cancel;
  cancel.set_operation_id(id);
  cancel.set_validate_only(true);
  CHECK(Must<v1::CancelOperationResponse>(cancel).operation().state() ==
        v1::OPERATION_STATE_CANCELLING);
  CHECK(GetOperation(id).state() == v1::OPERATION_STATE_RUNNING);
  cancel.set_validate_only(false);
  cancel.set_request_id(NewUuid());
  Must<v1::CancelOperationResponse>(cancel);
  host.Close();
  AwaitEnd(id);
  // The answer of then.
  CHECK(Must<v1::CancelOperationResponse>(cancel).operation().state() ==
        v1::OPERATION_STATE_CANCELLING);
  const auto left = actions();
  REQUIRE_FALSE(left.empty());
  CHECK(left.front() == v1::ACTION_RESUME_OPERATION);
  CHECK(left.back() == v1::ACTION_ABANDON_OPERATION);
  v1::AbandonOperationRequest abandon;
  abandon.set_operation_id(id);
  Must<v1::AbandonOperationResponse>(abandon);
  CHECK(actions().empty());
}

TEST_CASE("operations are asked by state, kind, user and time", "[rpc][operation]") {
  AddCluster("filtered");
  const auto operation = AwaitEnd(DestroyAnew("filtered").operation_id());
  v1::ListOperationsRequest request;
  request.set_cluster_name("filtered");
  const auto count = [&] { return Must<v1::ListOperationsResponse>(request).operations_size(); };
  CHECK(count() == 1);
  request.add_states(v1::OPERATION_STATE_FAILED);
  CHECK(count() == 0);
  request.add_states(v1::OPERATION_STATE_SUCCEEDED);
  CHECK(count() == 1);
  request.add_kinds(v1::OPERATION_KIND_DEPLOY);
  CHECK(count() == 0);
  request.add_kinds(v1::OPERATION_KIND_DESTROY);
  CHECK(count() == 1);
  request.set_user_name("somebody else");
  CHECK(count() == 0);
  request.set_user_name(TestDaemon::kAdmin);
  *request.mutable_create_time()->mutable_start_time() = operation.create_time();
  CHECK(count() == 1);
  *request.mutable_create_time()->mutable_end_time() = operation.create_time();
  CHECK(count() == 0);
}

TEST_CASE("a watcher of a cluster's operations sees them come and end", "[rpc][operation]") {
  AddCluster("listened");
  auto stub = v1::OperationService::NewStub(
      grpc::CreateChannel(Daemon().address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + Daemon().Token());
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  v1::WatchOperationsRequest request;
  request.set_cluster_name("listened");
  auto reader = stub->WatchOperations(&context, request);
  const std::string id = DestroyAnew("listened").operation_id();
  v1::WatchOperationsResponse message;
  do {
    REQUIRE(reader->Read(&message));
    CHECK(message.operation().operation_id() == id);
    CHECK(message.operation().steps().empty());
  } while (message.operation().state() != v1::OPERATION_STATE_SUCCEEDED);
  context.TryCancel();
  CHECK_FALSE(reader->Read(&message));
}

}  // namespace
}  // namespace dmgr::testing
