// What is under way, in numbers.
#include "server/store/work_store.h"

#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

WorkFigures Figures(Database& db) {
  return Get(db, [](Transaction& tx) { return MeasureWork(tx); });
}

TEST_CASE("what waits, what runs and whose owner is silent is counted, and what has ended is not") {
  test::TestDatabase db;
  const WorkFigures none = Figures(*db);
  CHECK(none.steps.empty());
  CHECK(none.held_leases == 0);
  CHECK(none.lapsed_leases == 0);
  CHECK(none.longest_wait == absl::ZeroDuration());
  CHECK(none.database_bytes > 1'000'000);

  InsertOne(*db);
  Sql(db.dsn(), "UPDATE operation SET create_time = create_time - interval '1 hour'");
  const WorkFigures queued = Figures(*db);
  CHECK(queued.longest_wait > absl::Minutes(59));
  CHECK(queued.steps == std::map<v1::StepState, std::int64_t>{{v1::STEP_STATE_PENDING, 2}});

  Claim claim;
  ClaimOne(*db, absl::Minutes(5), &claim);
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_RUNNING));
  const WorkFigures running = Figures(*db);
  CHECK(running.longest_wait == absl::ZeroDuration());
  CHECK(running.held_leases == 1);
  CHECK(running.lapsed_leases == 0);
  CHECK(running.steps.at(v1::STEP_STATE_RUNNING) == 1);
  CHECK(running.steps.at(v1::STEP_STATE_PENDING) == 1);

  Sql(db.dsn(), "UPDATE operation SET lease_until = clock_timestamp() - interval '1 second'");
  CHECK(Figures(*db).held_leases == 0);
  CHECK(Figures(*db).lapsed_leases == 1);
}

TEST_CASE("of a pool it is known how many connections are open, and how many nobody uses") {
  test::TestDatabase db(/*pool_size=*/3);
  CHECK(db->pool().most == 3);
  REQUIRE_OK(db->Read(Ping));
  CHECK(db->pool().open == db->pool().idle);
  REQUIRE_OK(db->Read([&](Transaction& tx) -> absl::Status {
    CHECK(db->pool().open - db->pool().idle == 1);
    return Ping(tx);
  }));
}

}  // namespace
}  // namespace dmgr::store
