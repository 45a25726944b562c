#include <chrono>
#include <set>
#include <thread>

#include "server/store/operation_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;
constexpr absl::Duration kLease = absl::Minutes(5);

std::optional<OperationRecord> TryClaim(Database& db,
                                        const Abilities& abilities = SampleAbilities()) {
  return Get(db, [&](Transaction& tx) { return ClaimOperation(tx, "owner", abilities, kLease); });
}

// As if the lease's time had passed.
void ExpireLeases(const test::TestDatabase& db) {
  Sql(db.dsn(),
      "UPDATE operation SET lease_until = clock_timestamp() - interval '1 second'"
      " WHERE lease_until IS NOT NULL");
}

using Write = std::function<absl::Status(Transaction&, const Claim&)>;
// Every write of an executor.
std::vector<std::pair<std::string, Write>> AllWrites() {
  return {
      {"RenewLease", [](auto& tx, const auto& c) { return RenewLease(tx, c, kLease); }},
      {"ReleaseClaim", [](auto& tx, const auto& c) { return ReleaseClaim(tx, c); }},
      {"CheckClaim", [](auto& tx, const auto& c) { return CheckClaim(tx, c); }},
      {"GetOperationState",
       [](auto& tx, const auto& c) { return GetOperationState(tx, c).status(); }},
      {"SetOperationState",
       [](auto& tx, const auto& c) {
         return SetOperationState(tx, c, v1::OPERATION_STATE_SUCCEEDED, {});
       }},
      {"SetStepState",
       [](auto& tx, const auto& c) {
         return SetStepState(tx, c, {.step_id = "a", .state = v1::STEP_STATE_SUCCEEDED}).status();
       }},
      {"AddProgress", [](auto& tx, const auto& c) { return AddProgress(tx, c, "b", 50, 100); }},
      {"AddLog",
       [](auto& tx, const auto& c) { return AddLog(tx, c, "a", v1::LogLine::LEVEL_INFO, "text"); }},
  };
}

TEST_CASE("a queued operation is claimed once, and runs") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  const OperationRecord claimed = ClaimOne(*db, kLease, &claim);
  CHECK(claimed.operation.operation_id() == id);
  CHECK(claimed.operation.state() == v1::OPERATION_STATE_RUNNING);
  CHECK(claimed.operation.has_start_time());
  CHECK(claimed.epoch > 0);
  CHECK(claimed.steps.size() == 2);
  CHECK_FALSE(TryClaim(*db).has_value());
  const auto events = Events(*db, id);
  REQUIRE(events.size() == 2);
  CHECK(events[1].operation_state().state() == v1::OPERATION_STATE_RUNNING);
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return CheckClaim(tx, claim); }));
}

TEST_CASE("plans of another format are left to others") {
  test::TestDatabase db;
  OperationRecord record = SampleOperation("c1");
  record.plan_format = 2;
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, record, false); }));
  CHECK_FALSE(TryClaim(*db).has_value());
  Abilities other = SampleAbilities();
  other.plan_format = 3;
  CHECK_FALSE(TryClaim(*db, other).has_value());
  other.plan_format = 2;
  CHECK(TryClaim(*db, other).has_value());
}

TEST_CASE("kinds and steps that an executor does not know are left to others, but for a cancel") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  const auto change =
      GENERATE(as<std::string>{}, "UPDATE operation_step SET runner = 'later' WHERE step_id = 'b'",
               // As a later version's schema would.
               "ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;"
               "UPDATE operation SET kind = 'LATER'");
  INFO(change);
  const auto beyond = [&] {
    return Get(*db, [](Transaction& tx) { return ListBeyond(tx, SampleAbilities()); });
  };
  CHECK(beyond().empty());
  Sql(db.dsn(), change);
  CHECK_FALSE(TryClaim(*db).has_value());
  CHECK(beyond() == std::vector<std::string>{id});
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return RequestCancel(tx, id); }));
  CHECK(beyond().empty());
  CHECK(TryClaim(*db).has_value());
}

TEST_CASE("of many who claim at once each operation goes to one, each epoch once") {
  test::TestDatabase db;
  for (int i = 0; i < 12; ++i) InsertOne(*db, "c" + std::to_string(i));
  std::mutex mutex;
  std::multiset<std::string> operations;
  std::set<std::uint64_t> epochs;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      bool more = true;
      while (more) {
        const absl::Status status = db->Transact([&](Transaction& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const auto record, ClaimOperation(tx, "o", SampleAbilities(), kLease));
          more = record.has_value();
          if (!more) return absl::OkStatus();
          const std::lock_guard lock(mutex);
          operations.insert(record->operation.operation_id());
          epochs.insert(record->epoch);
          return absl::OkStatus();
        });
        if (!status.ok()) more = false;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(operations.size() == 12);
  CHECK(std::set<std::string>(operations.begin(), operations.end()).size() == 12);
  CHECK(epochs.size() == 12);
}

TEST_CASE("a lease that ran out: every write of its owner changes nothing") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kLease, &claim);
  ExpireLeases(db);
  for (const auto& write : AllWrites()) {
    INFO(write.first);
    const absl::Status status =
        db->Transact([&](Transaction& tx) { return write.second(tx, claim); });
    CHECK(status.code() == absl::StatusCode::kAborted);
    CHECK(Reason(status) == "LEASE_LOST");
  }
  CHECK(Events(*db, id).size() == 2);
}

TEST_CASE("an operation that was taken over: what its old owner writes changes nothing") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim old;
  ClaimOne(*db, kLease, &old);
  REQUIRE_OK(SetStep(*db, old, "a", v1::STEP_STATE_RUNNING));
  ExpireLeases(db);

  Claim present;
  const OperationRecord taken = ClaimOne(*db, kLease, &present);
  CHECK(taken.operation.operation_id() == id);
  CHECK(taken.operation.state() == v1::OPERATION_STATE_RUNNING);
  CHECK(present.epoch > old.epoch);
  CHECK(taken.steps[0].step.state() == v1::STEP_STATE_PENDING);
  CHECK(taken.steps[0].step.attempts() == 1);
  const auto before = Events(*db, id);
  REQUIRE(before.back().has_step_state());
  CHECK(before.back().step_state().state() == v1::STEP_STATE_PENDING);

  for (const auto& write : AllWrites()) {
    INFO(write.first);
    const absl::Status status =
        db->Transact([&](Transaction& tx) { return write.second(tx, old); });
    CHECK(Reason(status) == "LEASE_LOST");
  }
  CHECK(Events(*db, id).size() == before.size());
  CHECK(Operation(*db, id).steps[0].step.state() == v1::STEP_STATE_PENDING);
  REQUIRE_OK(SetStep(*db, present, "a", v1::STEP_STATE_RUNNING));
  CHECK(Operation(*db, id).steps[0].step.attempts() == 2);
}

TEST_CASE("a transaction that has checked its claim keeps others out until its commit") {
  test::TestDatabase db;
  InsertOne(*db);
  Claim claim;
  ClaimOne(*db, absl::Seconds(1), &claim);
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(CheckClaim(tx, claim));
    while (Sql(db.dsn(), "SELECT lease_until < clock_timestamp() FROM operation") != "t") {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const bool claimed = TryClaim(*db).has_value();
    CHECK_FALSE(claimed);
    return absl::OkStatus();
  }));
  CHECK(TryClaim(*db).has_value());
}

TEST_CASE("a claim that was given back is taken at once") {
  test::TestDatabase db;
  const std::string id = InsertOne(*db);
  Claim claim;
  ClaimOne(*db, kLease, &claim);
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return ReleaseClaim(tx, claim); }));
  Claim next;
  CHECK(ClaimOne(*db, kLease, &next).operation.operation_id() == id);
  CHECK(next.epoch > claim.epoch);
}

TEST_CASE("claims of owners that are gone are taken at once, and only theirs") {
  test::TestDatabase db;
  const std::string dead = InsertOne(*db, "c1");
  const auto claim_as = [&](const std::string& owner) {
    return Get(
        *db, [&](Transaction& tx) { return ClaimOperation(tx, owner, SampleAbilities(), kLease); });
  };
  REQUIRE(claim_as("dead").has_value());
  const std::string alive = InsertOne(*db, "c2");
  REQUIRE(claim_as("alive").has_value());
  REQUIRE_OK(db->Transact([](Transaction& tx) {
    return ReleaseClaimsOf(tx, [](const std::string& owner) { return owner == "dead"; });
  }));
  const auto taken = claim_as("next");
  REQUIRE(taken.has_value());
  CHECK(taken->operation.operation_id() == dead);
  CHECK_FALSE(claim_as("next").has_value());
}

TEST_CASE("renewing keeps the lease") {
  test::TestDatabase db;
  InsertOne(*db);
  Claim claim;
  ClaimOne(*db, absl::Seconds(30), &claim);
  const auto left = [&] {
    return std::stod(Sql(db.dsn(),
                         "SELECT extract(epoch FROM lease_until - clock_timestamp())"
                         " FROM operation"));
  };
  CHECK(left() <= 30);
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return RenewLease(tx, claim, kLease); }));
  CHECK(left() > 200);
}

}  // namespace
}  // namespace dmgr::store
