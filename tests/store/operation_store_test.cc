#include "server/store/operation_store.h"

#include <atomic>
#include <thread>

#include "common/ids.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

absl::Status InsertOperationIn(Database& db, const OperationRecord& record,
                               bool supersede = false) {
  return db.Transact([&](Transaction& tx) { return InsertOperation(tx, record, supersede); });
}

// The operation, claimed, failed in step "a".
void Fail(Database& db, Claim* claim) {
  ClaimOne(db, absl::Minutes(1), claim);
  const absl::Status cause =
      Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "h1 is full").Remedy("make room");
  REQUIRE_OK(db.Transact([&](Transaction& tx) -> absl::Status {
    for (const StepChange& change :
         {StepChange{.step_id = "a", .state = v1::STEP_STATE_RUNNING},
          StepChange{.step_id = "a", .state = v1::STEP_STATE_FAILED, .error = cause},
          StepChange{.step_id = "b", .state = v1::STEP_STATE_SKIPPED}}) {
      RETURN_IF_ERROR(SetStepState(tx, *claim, change).status());
    }
    return SetOperationState(tx, *claim, v1::OPERATION_STATE_FAILED, cause);
  }));
}

TEST_CASE("an operation comes back as it was stored") {
  test::TestDatabase db;
  OperationRecord record = SampleOperation("c1");
  record.operation.set_request_id(NewUuid());
  record.steps[0].payload_json = R"({"b": 1,"a":"\u0000 é"})";
  REQUIRE_OK(InsertOperationIn(*db, record));
  const OperationRecord stored = Operation(*db, record.operation.operation_id());
  CHECK(stored.operation.kind() == v1::OPERATION_KIND_DEPLOY);
  CHECK(stored.operation.state() == v1::OPERATION_STATE_QUEUED);
  CHECK(stored.operation.cluster_name() == "c1");
  CHECK(stored.operation.user_name() == "alice");
  CHECK(stored.operation.holds_cluster());
  CHECK(stored.operation.last_sequence() == 1);
  CHECK(stored.operation.has_create_time());
  CHECK_FALSE(stored.operation.has_start_time());
  CHECK_FALSE(stored.operation.has_error());
  CHECK(stored.operation.cluster_uuid() == record.operation.cluster_uuid());
  CHECK(stored.operation.request_id() == record.operation.request_id());
  CHECK(stored.epoch == 0);
  REQUIRE(stored.steps.size() == 2);
  CHECK(stored.steps[0].payload_json == record.steps[0].payload_json);
  CHECK(stored.steps[0].step.state() == v1::STEP_STATE_PENDING);
  const StepRecord& b = stored.steps[1];
  CHECK(b.step.step_id() == "b");
  CHECK(b.step.host() == "h1");
  CHECK(b.step.title() == "do a");
  REQUIRE(b.step.depends_on_size() == 1);
  CHECK(b.step.depends_on(0) == "a");
  CHECK(b.step.bytes_total() == 100);
  CHECK(b.step.point_of_no_return());
  CHECK(b.runner == "noop");
  CHECK(b.weight == 3);
  const auto events = Events(*db, record.operation.operation_id());
  REQUIRE(events.size() == 1);
  CHECK(events[0].operation_state().state() == v1::OPERATION_STATE_QUEUED);
  CHECK(events[0].has_time());
}

TEST_CASE("unknown operations: NOT_FOUND, also when the id is no id") {
  test::TestDatabase db;
  for (const std::string& id :
       {NewUuid(), std::string("1; DROP TABLE operation"), std::string("\xff"), std::string()}) {
    for (const auto& call : std::vector<std::function<absl::Status(Transaction&)>>{
             [&](Transaction& tx) { return GetOperation(tx, id).status(); },
             [&](Transaction& tx) { return RequestCancel(tx, id); },
             [&](Transaction& tx) { return RequestResume(tx, id); }}) {
      const absl::Status status = db->Transact(call);
      CHECK(status.code() == absl::StatusCode::kNotFound);
      CHECK(Reason(status) == "OPERATION_NOT_FOUND");
    }
  }
}

TEST_CASE("one operation holds a cluster, whoever asks at the same time") {
  test::TestDatabase db;
  constexpr int kCallers = 8;
  std::vector<absl::Status> results(kCallers);
  std::vector<std::thread> threads;
  for (absl::Status& result : results) {
    threads.emplace_back([&] { result = InsertOperationIn(*db, SampleOperation("c1")); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string holder = Sql(db.dsn(), "SELECT operation_id FROM operation");
  int won = 0;
  for (const absl::Status& result : results) {
    if (result.ok()) {
      ++won;
      continue;
    }
    CHECK(result.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Reason(result) == "CLUSTER_BUSY");
    CHECK(Metadata(result, "operation_id") == holder);
    const auto next = NextActionsOf(result);
    REQUIRE_FALSE(next.empty());
    for (const auto& action : next) CHECK(action.arguments().at("operation_id") == holder);
  }
  CHECK(won == 1);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM operation") == "1");
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM operation_step") == "2");
  REQUIRE_OK(InsertOperationIn(*db, SampleOperation("c2")));
}

TEST_CASE("a request id makes one operation, however often it comes") {
  test::TestDatabase db;
  const std::string request_id = NewUuid();
  std::atomic<int> inserted = 0;
  // Called by threads: checks nothing itself. The id, or the error.
  const auto call = [&](const std::string& user, const std::string& cluster) {
    std::string id;
    const absl::Status status = db->Transact([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto found, FindByRequestId(tx, user, request_id));
      if (found.has_value()) {
        id = found->operation.operation_id();
        return absl::OkStatus();
      }
      OperationRecord record = SampleOperation(cluster);
      record.operation.set_user_name(user);
      record.operation.set_request_id(request_id);
      id = record.operation.operation_id();
      ++inserted;
      return InsertOperation(tx, record, false);
    });
    return status.ok() ? id : status.ToString();
  };
  std::vector<std::string> ids(6);
  std::vector<std::thread> threads;
  for (std::string& id : ids) threads.emplace_back([&] { id = call("alice", "c1"); });
  for (std::thread& thread : threads) thread.join();
  CHECK(IsUuid(ids[0]));
  for (const std::string& id : ids) CHECK(id == ids[0]);
  CHECK(inserted == 1);
  const std::string of_bob = call("bob", "c2");
  CHECK(IsUuid(of_bob));
  CHECK(of_bob != ids[0]);

  OperationRecord record = SampleOperation("c3");
  record.operation.set_request_id(request_id);
  const absl::Status repeated = InsertOperationIn(*db, record);
  CHECK(repeated.code() == absl::StatusCode::kAlreadyExists);
  CHECK(Metadata(repeated, "operation_id") == ids[0]);
  const absl::Status wrong = db->Transact(
      [](Transaction& tx) { return FindByRequestId(tx, "alice", "no uuid").status(); });
  CHECK(wrong.code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("lists: newest first, by pages, by cluster") {
  test::TestDatabase db;
  std::vector<std::string> ids;
  for (const char* cluster : {"c1", "c2", "c3", "c4", "c5"}) {
    const OperationRecord record = SampleOperation(cluster);
    REQUIRE_OK(InsertOperationIn(*db, record));
    ids.insert(ids.begin(), record.operation.operation_id());
  }
  // Times alone cannot tell them apart.
  Sql(db.dsn(), "UPDATE operation SET create_time = '2024-01-02 03:04:05.678901+00'");
  std::sort(ids.rbegin(), ids.rend());
  std::optional<std::pair<absl::Time, std::string>> before;
  std::vector<std::string> seen;
  while (true) {
    const auto page = Get(*db, [&](Transaction& tx) { return ListOperations(tx, {}, before, 2); });
    if (page.empty()) break;
    for (const OperationRecord& record : page) {
      CHECK(record.steps.empty());
      seen.push_back(record.operation.operation_id());
    }
    const v1::Operation& last = page.back().operation;
    const auto& time = last.create_time();
    CHECK(time.nanos() == 678901000);
    before = {absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
              last.operation_id()};
  }
  CHECK(seen == ids);
  v1::ListOperationsRequest filter;
  filter.set_cluster_name("c3");
  const auto of_c3 =
      Get(*db, [&](Transaction& tx) { return ListOperations(tx, filter, std::nullopt, 10); });
  REQUIRE(of_c3.size() == 1);
  CHECK(of_c3[0].operation.cluster_name() == "c3");
}

TEST_CASE("cancel: what has not ended becomes CANCELLING, once") {
  test::TestDatabase db;
  const OperationRecord record = SampleOperation("c1");
  const std::string id = record.operation.operation_id();
  REQUIRE_OK(InsertOperationIn(*db, record));
  for (int i = 0; i < 2; ++i) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestCancel(tx, id); }));
  }
  CHECK(Operation(*db, id).operation.state() == v1::OPERATION_STATE_CANCELLING);
  CHECK(Events(*db, id).size() == 2);
  // Somebody must claim it to end it.
  Claim claim;
  CHECK(ClaimOne(*db, absl::Minutes(1), &claim).operation.state() ==
        v1::OPERATION_STATE_CANCELLING);
  REQUIRE_OK(db->Transact([&](Transaction& tx) {
    return SetOperationState(tx, claim, v1::OPERATION_STATE_CANCELLED, absl::OkStatus());
  }));
  const v1::Operation ended = Operation(*db, id).operation;
  CHECK(ended.state() == v1::OPERATION_STATE_CANCELLED);
  CHECK(ended.holds_cluster());
  CHECK(ended.has_end_time());
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestCancel(tx, id); }));
  CHECK(Operation(*db, id).operation.state() == v1::OPERATION_STATE_CANCELLED);
}

TEST_CASE("resume: what did not succeed is to be done again") {
  test::TestDatabase db;
  const OperationRecord record = SampleOperation("c1");
  const std::string id = record.operation.operation_id();
  REQUIRE_OK(InsertOperationIn(*db, record));
  const auto resume = [&] {
    return db->Transact([&](Transaction& tx) { return RequestResume(tx, id); });
  };
  CHECK(Reason(resume()) == "OPERATION_STATE");
  Claim claim;
  Fail(*db, &claim);
  const OperationRecord failed = Operation(*db, id);
  CHECK(failed.operation.state() == v1::OPERATION_STATE_FAILED);
  CHECK(failed.operation.holds_cluster());
  CHECK(Reason(FromProto(failed.operation.error())) == "DISK_FULL");
  CHECK(Metadata(FromProto(failed.steps[0].step.error()), "remedy") == "make room");

  REQUIRE_OK(resume());
  const OperationRecord resumed = Operation(*db, id);
  CHECK(resumed.operation.state() == v1::OPERATION_STATE_QUEUED);
  CHECK_FALSE(resumed.operation.has_error());
  CHECK_FALSE(resumed.operation.has_end_time());
  for (const StepRecord& step : resumed.steps) {
    CHECK(step.step.state() == v1::STEP_STATE_PENDING);
    CHECK_FALSE(step.step.has_error());
  }
  const auto events = Events(*db, id);
  CHECK(events.size() == resumed.operation.last_sequence());
  CHECK(events[events.size() - 2].step_state().step_id() == "a");
  CHECK(events.back().step_state().step_id() == "b");
  const Claim old = claim;
  ClaimOne(*db, absl::Minutes(1), &claim);
  CHECK(claim.epoch > old.epoch);
}

TEST_CASE(
    "supersede: stop and destroy take the cluster from one that failed, not from one that "
    "works") {
  test::TestDatabase db;
  const OperationRecord first = SampleOperation("c1");
  REQUIRE_OK(InsertOperationIn(*db, first));
  const OperationRecord second = SampleOperation("c1");
  CHECK(Reason(InsertOperationIn(*db, second, true)) == "CLUSTER_BUSY");
  Claim claim;
  Fail(*db, &claim);
  const absl::Status refused = InsertOperationIn(*db, second, false);
  CHECK(Reason(refused) == "CLUSTER_BUSY");
  CHECK(Metadata(refused, "remedy").find("resume") != std::string::npos);
  REQUIRE_OK(InsertOperationIn(*db, second, true));
  const v1::Operation old = Operation(*db, first.operation.operation_id()).operation;
  CHECK_FALSE(old.holds_cluster());
  CHECK(old.superseded_by() == second.operation.operation_id());
  const absl::Status resumed = db->Transact(
      [&](Transaction& tx) { return RequestResume(tx, first.operation.operation_id()); });
  CHECK(Reason(resumed) == "OPERATION_SUPERSEDED");
}

TEST_CASE("the schema itself refuses a second holder") {
  test::TestDatabase db;
  REQUIRE_OK(InsertOperationIn(*db, SampleOperation("c1")));
  CHECK_THROWS_WITH(
      Sql(db.dsn(),
          "INSERT INTO operation SELECT gen_random_uuid(), kind, cluster_name,"
          " cluster_uuid, state, true, error, user_name, NULL, 'f', 1, 0, NULL, NULL, 1"
          " FROM operation"),
      Catch::Contains("operation_one_holder"));
}

}  // namespace
}  // namespace dmgr::store
