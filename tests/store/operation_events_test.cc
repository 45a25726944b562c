// What the owner of a claim writes: states, progress and what hosts say, each with its event.
#include <atomic>
#include <thread>

#include "server/store/operation_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

constexpr absl::Duration kEventsLease = absl::Minutes(5);

TEST_CASE("steps: attempts, times, results, and the operation's progress") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  const auto percent = [&] { return Operation(*db, id).operation.progress_percent(); };
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    REQUIRE_OK(
        db->Transact([&](Transaction& tx) { return AddProgress(tx, claim, "b", done, total); }));
  };
  CHECK(percent() == 0);
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_RUNNING));
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_RUNNING));
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_SUCCEEDED, R"({"x":1})"));
  const StepRecord a = Operation(*db, id).steps[0];
  CHECK(a.step.attempts() == 2);
  CHECK(a.result_json == R"({"x":1})");
  CHECK(a.step.has_start_time());
  CHECK(a.step.has_end_time());
  CHECK(percent() == Approx(25));

  REQUIRE_OK(SetStep(*db, claim, "b", v1::STEP_STATE_RUNNING));
  progress(50, 100);
  CHECK(percent() == Approx(25 + 37.5));
  progress(10, 100);  // It began again: the percentage stays.
  CHECK(percent() == Approx(25 + 37.5));
  progress(150, 200);
  CHECK(percent() == Approx(25 + 56.25));
  progress(~0ULL, 200);  // More than all.
  CHECK(percent() == Approx(100));
  REQUIRE_OK(SetStep(*db, claim, "b", v1::STEP_STATE_SUCCEEDED));
  REQUIRE_OK(db->Transact([&](Transaction& tx) {
    return SetOperationState(tx, claim, v1::OPERATION_STATE_SUCCEEDED, {});
  }));
  const v1::Operation done = Operation(*db, id).operation;
  CHECK(done.progress_percent() == 100);
  CHECK_FALSE(done.holds_cluster());
  CHECK(done.has_end_time());
  const auto listed =
      Get(*db, [](Transaction& tx) { return ListOperations(tx, {}, std::nullopt, 1); });
  CHECK(listed[0].operation.progress_percent() == 100);
  InsertOne(*db);  // The cluster is free.
}

TEST_CASE("a step's last progress, its end and the next step's begin are one change") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_RUNNING));
  const StepChange end{.step_id = "a",
                       .state = v1::STEP_STATE_SUCCEEDED,
                       .result_json = R"({"x":1})",
                       .bytes = StepChange::Bytes{30, 30},
                       .next = "b"};
  StepChange wrong = end;
  wrong.next = "nope";
  const auto set = [&](const StepChange& change) {
    return db->Transact([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const bool begun, SetStepState(tx, claim, change));
      return begun ? absl::OkStatus() : absl::UnavailableError("not begun");
    });
  };
  CHECK(Reason(set(wrong)) == "STEP_NOT_FOUND");
  CHECK(Events(*db, id).size() == 3);

  SECTION("in the order in which they are told") {
    REQUIRE_OK(set(end));
    const auto events = Events(*db, id);
    REQUIRE(events.size() == 6);
    CHECK(events[3].step_progress().step_id() == "a");
    CHECK(events[3].step_progress().bytes_done() == 30);
    CHECK(events[4].step_state().step_id() == "a");
    CHECK(events[4].step_state().state() == v1::STEP_STATE_SUCCEEDED);
    CHECK(events[5].step_state().step_id() == "b");
    CHECK(events[5].step_state().state() == v1::STEP_STATE_RUNNING);
    CHECK(events[5].step_state().attempt() == 1);
    const OperationRecord record = Operation(*db, id);
    CHECK(record.operation.last_sequence() == 6);
    CHECK(record.steps[0].result_json == R"({"x":1})");
    CHECK(record.steps[0].step.bytes_total() == 30);
    CHECK(record.steps[1].step.attempts() == 1);
    CHECK(record.steps[1].step.has_start_time());
  }
  SECTION("the next one does not begin once a cancel was accepted") {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestCancel(tx, id); }));
    CHECK(Get(*db, [&](Transaction& tx) { return SetStepState(tx, claim, end); }) == false);
    const OperationRecord record = Operation(*db, id);
    CHECK(record.steps[0].step.state() == v1::STEP_STATE_SUCCEEDED);
    CHECK(record.steps[1].step.state() == v1::STEP_STATE_PENDING);
    const auto events = Events(*db, id);
    REQUIRE(events.size() == 6);  // The cancel has one.
    CHECK(events[5].sequence() == 6);
    CHECK(events[5].step_state().step_id() == "a");
  }
}

TEST_CASE("an unknown step is an error and leaves no event") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  CHECK(Reason(SetStep(*db, claim, "nope", v1::STEP_STATE_RUNNING)) == "STEP_NOT_FOUND");
  CHECK(Events(*db, id).size() == 2);
}

TEST_CASE("states follow each other as they may only") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  const auto set = [&](v1::OperationState state) {
    return db->Transact([&](Transaction& tx) { return SetOperationState(tx, claim, state, {}); });
  };
  CHECK(Reason(set(v1::OPERATION_STATE_CANCELLED)) == "OPERATION_STATE");
  CHECK(Reason(set(v1::OPERATION_STATE_ROLLED_BACK)) == "OPERATION_STATE");
  REQUIRE_OK(set(v1::OPERATION_STATE_RUNNING));
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestCancel(tx, id); }));
  CHECK(Reason(set(v1::OPERATION_STATE_RUNNING)) == "OPERATION_STATE");
  CHECK(Get(*db, [&](Transaction& tx) { return GetOperationState(tx, claim); }) ==
        v1::OPERATION_STATE_CANCELLING);
  CHECK(Reason(set(v1::OPERATION_STATE_ROLLING_BACK)) == "OPERATION_STATE");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return CheckClaim(tx, claim); }));
  REQUIRE_OK(set(v1::OPERATION_STATE_CANCELLED));
  CHECK(Operation(*db, id).operation.holds_cluster());
  CHECK(Reason(set(v1::OPERATION_STATE_FAILED)) == "LEASE_LOST");

  REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestRollback(tx, id); }));
  CHECK(Operation(*db, id).operation.state() == v1::OPERATION_STATE_ROLLING_BACK);
  ClaimOne(*db, kEventsLease, &claim);
  CHECK(Reason(set(v1::OPERATION_STATE_SUCCEEDED)) == "OPERATION_STATE");
  REQUIRE_OK(set(v1::OPERATION_STATE_ROLLED_BACK));
  CHECK_FALSE(Operation(*db, id).operation.holds_cluster());
}

TEST_CASE("events are gapless and in order when many write at once") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  constexpr int kThreads = 6;
  constexpr int kEach = 40;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Every fifth one is rolled back and must leave no hole.
        const bool keep = i % 5 != 0;
        const absl::Status status = db->Transact([&](Transaction& tx) -> absl::Status {
          RETURN_IF_ERROR(AddLog(tx, claim, "a", v1::LogLine::LEVEL_WARNING,
                                 std::to_string(t) + "/" + std::to_string(i)));
          return keep ? absl::OkStatus() : absl::CancelledError("no");
        });
        if (status.ok() != keep) ++failed;
      }
    });
  }
  // A reader that follows sees each event once and none twice.
  std::uint64_t seen = 0;
  const std::uint64_t expected = 2 + kThreads * kEach * 4 / 5;
  while (seen < expected && failed == 0) {
    const auto events = Get(*db, [&](Transaction& tx) { return ListEvents(tx, id, seen, 16); });
    CHECK(events.size() <= 16);
    for (const v1::OperationEvent& event : events) REQUIRE(event.sequence() == ++seen);
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(Events(*db, id).size() == expected);
  CHECK(Operation(*db, id).operation.last_sequence() == expected);
}

TEST_CASE("what hosts say is kept readable, whatever bytes it has") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  const std::string wild("caf\xc3\xa9 \xff\x00 \xed\xa0\x80", 12);
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(AddLog(tx, claim, "", v1::LogLine::LEVEL_ERROR, wild));
    return SetStepState(tx, claim,
                        {.step_id = "a",
                         .state = v1::STEP_STATE_FAILED,
                         .error = Error(absl::StatusCode::kUnknown, "X", "{}", wild)})
        .status();
  }));
  const auto events = Events(*db, id);
  REQUIRE(events.size() == 4);
  CHECK(events[2].log().text() == "caf\xc3\xa9 ?? ???");
  CHECK(events[2].log().level() == v1::LogLine::LEVEL_ERROR);
  CHECK(events[2].log().step_id().empty());
  CHECK(events[3].step_state().error().message() == "caf\xc3\xa9 ?? ???");
  CHECK(Reason(FromProto(events[3].step_state().error())) == "X");
}

TEST_CASE("a secret in a program's last lines is in no event and no error") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kEventsLease, &claim);
  const std::string line = R"(open mysql://root:hunter2@db/: {"password":"hunter2"})";
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(AddLog(tx, claim, "a", v1::LogLine::LEVEL_INFO, line));
    return SetOperationState(tx, claim, v1::OPERATION_STATE_FAILED,
                             Error(absl::StatusCode::kUnknown, "X", "{}", line));
  }));
  const std::string clean = R"(open mysql://root:***@db/: {"password":"***"})";
  const auto events = Events(*db, id);
  REQUIRE(events.size() == 4);
  CHECK(events[2].log().text() == clean);
  CHECK(events[3].operation_state().error().message() == clean);
  CHECK(Operation(*db, id).operation.error().message() == clean);
}

}  // namespace
}  // namespace dmgr::store
