// Old operations are forgotten: which, and how much at once.
#include "absl/time/clock.h"
#include "server/store/operation_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

Pruned Prune(Database& db, absl::Time before, int max_rows) {
  return Get(db, [&](Transaction& tx) { return PruneOperations(tx, before, max_rows); });
}

int Count(const test::TestDatabase& db, const std::string& table) {
  return std::stoi(Sql(db.dsn(), "SELECT count(*) FROM " + table));
}

// Ended operations, each a second after the one before; with one step, and events. Every tenth one
// failed and was superseded by the next.
void Generate(const test::TestDatabase& db, int count, int events) {
  // Rules are for what the program writes.
  Sql(db.dsn(),
      fmt::format(
          "SET session_replication_role = replica;"
          "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
          " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence,"
          " create_time, end_time, superseded_by)"
          " SELECT lpad(to_hex(i), 32, '0')::uuid, 'STOP', 'c', gen_random_uuid(),"
          "  CASE WHEN i % 10 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, false, 'u', '', 1, {1},"
          "  t, t, CASE WHEN i % 10 = 0 THEN lpad(to_hex(i + 1), 32, '0')::uuid END"
          " FROM generate_series(1, {0}) i, LATERAL (SELECT timestamptz 'epoch'"
          "  + i * interval '1 second' AS t) AS at;"
          "INSERT INTO operation_step (operation_id, step_id, position, title, host, runner, state,"
          " payload, result, weight, depends_on, point_of_no_return)"
          " SELECT operation_id, 's', 0, 't', '', 'r', 'SUCCEEDED', '{{}}', '{{}}', 1, '[]', false"
          " FROM operation;"
          "INSERT INTO operation_event (operation_id, sequence, kind, state)"
          " SELECT operation_id, e, 'OPERATION_STATE', 'RUNNING'"
          " FROM operation, generate_series(1, {1}) e;"
          "RESET session_replication_role; ANALYZE",
          count, events));
}

TEST_CASE("operations that hold a cluster, or have not ended, are not forgotten") {
  test::TestDatabase db;
  const OperationRecord held = SampleOperation("c1");
  const OperationRecord old = SampleOperation("c2");
  Claim claim;
  for (const OperationRecord& record : {held, old}) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, record, false); }));
    ClaimOne(*db, absl::Minutes(1), &claim);
    REQUIRE_OK(db->Transact([&](Transaction& tx) {
      return SetOperationState(tx, claim, v1::OPERATION_STATE_FAILED, absl::UnknownError("no"));
    }));
  }
  const OperationRecord newer = SampleOperation("c2");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, newer, true); }));
  CHECK(Prune(*db, absl::Now() - absl::Hours(1), 100).operations == 0);
  CHECK(Prune(*db, absl::Now() + absl::Hours(1), 100).operations == 1);
  CHECK_FALSE(Prune(*db, absl::Now() + absl::Hours(1), 100).more);
  CHECK(Operation(*db, held.operation.operation_id()).operation.holds_cluster());
  CHECK(Count(db, "operation") == 2);
  CHECK(Count(db, "operation_step WHERE operation_id = '" + old.operation.operation_id() + "'") ==
        0);
}

TEST_CASE("by a wrong clock nothing is old") {
  test::TestDatabase db;
  const auto before = [&](absl::Duration apart) {
    absl::Time time;
    const absl::Status status = db->Read([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(time, PruneBefore(tx, absl::Now() + apart, absl::Hours(24)));
      return absl::OkStatus();
    });
    return status.ok() ? absl::StatusOr<absl::Time>(time) : status;
  };
  const auto right = before(absl::Seconds(30));
  REQUIRE_OK(right.status());
  // The database's, whatever the machine's says.
  CHECK(absl::AbsDuration(absl::Now() - absl::Hours(24) - *right) < absl::Seconds(20));
  for (const absl::Duration apart : {absl::Hours(24 * 366), -absl::Hours(24 * 366)}) {
    CHECK(Reason(before(apart).status()) == "CLOCKS_DIFFER");
  }
}

TEST_CASE("one that was superseded goes before the one that superseded it") {
  test::TestDatabase db;
  Generate(db, 11, 1);
  // Its clock went wrong: it ended after the other.
  Sql(db.dsn(),
      "UPDATE operation SET end_time = end_time + interval '1 day' WHERE state = 'FAILED'");
  const absl::Time before = absl::Now();
  CHECK(Prune(*db, before, 1000).operations == 10);
  CHECK(Sql(db.dsn(), "SELECT superseded_by IS NULL FROM operation") == "t");
  CHECK(Prune(*db, before, 1000).operations == 1);
  CHECK_FALSE(Prune(*db, before, 1000).more);
}

TEST_CASE("one with very many events goes in parts") {
  test::TestDatabase db;
  Generate(db, 1, 950);
  const absl::Time before = absl::Now();
  for (const int left : {650, 350, 50}) {
    const Pruned pruned = Prune(*db, before, 300);
    CHECK(pruned.operations == 0);
    CHECK(pruned.more);
    CHECK(Count(db, "operation_event") == left);
  }
  CHECK(Prune(*db, before, 300).operations == 1);
  CHECK(Count(db, "operation_event") == 0);
}

TEST_CASE("of sixty thousand the old ones go in pieces that fit, by indexes") {
  test::TestDatabase db;
  constexpr int kOperations = 60'000;
  constexpr int kOld = 20'000;
  constexpr int kRows = 2'000;
  Generate(db, kOperations, 1);
  // As the foreign key looks for each that goes, and as they are found.
  for (const auto& [query, index] : std::vector<std::pair<std::string, std::string>>{
           {"SELECT 1 FROM ONLY operation x WHERE superseded_by = $1 FOR KEY SHARE OF x",
            "operation_superseded_by"},
           {"SELECT operation_id FROM operation WHERE end_time < $1 AND NOT holds_cluster"
            " ORDER BY end_time LIMIT 1000",
            "operation_ended"}}) {
    INFO(query);
    CHECK_THAT(Sql(db.dsn(), "SET plan_cache_mode = force_generic_plan; PREPARE q AS " + query +
                                 "; EXPLAIN (FORMAT JSON) EXECUTE q (NULL)"),
               Catch::Contains(index));
  }
  const absl::Time before = absl::UnixEpoch() + absl::Seconds(kOld + 1);
  int pieces = 0;
  for (bool more = true; more; ++pieces) {
    const Pruned pruned = Prune(*db, before, kRows);
    CHECK(2 * pruned.operations <= kRows);
    more = pruned.more;
  }
  CHECK(Count(db, "operation") == kOperations - kOld);
  // As many as fit each time; fewer at the end, since the superseded ones go before others.
  CHECK(pieces <= kOld * 2 / kRows + 10);
}

}  // namespace
}  // namespace dmgr::store
