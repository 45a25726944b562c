// The audit log: what is written is not changed, and whoever does so all the same is noticed.
#include "server/store/audit_store.h"

#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

// Of a key that only dmgrd has.
std::string Keyed(const std::string& text) {
  return std::to_string(std::hash<std::string>()("the key" + text));
}

std::int64_t Write(test::TestDatabase& db, AuditRecord record) {
  record.peer = "ipv4:10.0.0.1:4";
  record.method = "dmgr.v1.ClusterService/StopCluster";
  return Get(*db, [&](Transaction& tx) { return InsertAudit(tx, record, Keyed); });
}

v1::VerifyAuditLogResponse Verify(test::TestDatabase& db, const v1::AuditPosition& noted = {}) {
  v1::VerifyAuditLogRequest request;
  *request.mutable_noted() = noted;
  v1::VerifyAuditLogResponse response;
  AuditVerifier verifier(Keyed, request, &response);
  for (bool more = true; more;) {
    more = Get(*db, [&](Transaction& tx) { return verifier.Next(tx); });
  }
  return response;
}

std::vector<std::int64_t> ProblemsOf(const v1::VerifyAuditLogResponse& response) {
  std::vector<std::int64_t> ids;
  for (const auto& problem : response.problems()) ids.push_back(problem.audit_id());
  return ids;
}

// As who owns the tables does it.
void Tamper(const test::TestDatabase& db, const std::string& change) {
  Sql(db.dsn(), "SET session_replication_role = replica; " + change);
}

TEST_CASE("the audit log is only ever added to") {
  test::TestDatabase db;
  Write(db, {.user_name = "alice\xff", .target = "c1", .code = 9});
  CHECK(Sql(db.dsn(), "SELECT user_name || ' ' || method || ' ' || code FROM audit_log") ==
        "alice? dmgr.v1.ClusterService/StopCluster 9");
  for (const char* change :
       {"UPDATE audit_log SET code = 0", "DELETE FROM audit_log", "TRUNCATE audit_log"}) {
    CHECK_THROWS_WITH(Sql(db.dsn(), change), Catch::Contains("append only"));
  }
}

TEST_CASE("a call is one record in a list, with its outcome where that is known") {
  test::TestDatabase db;
  const auto done = Write(db, {.user_name = "alice", .target = "c1", .code = 2, .begun = true});
  const auto cut_off = Write(db, {.user_name = "bob", .target = "c2", .code = 2, .begun = true});
  const auto outcome = Write(db, {.user_name = "alice", .target = "c1", .outcome_of = done});
  const auto listed = Get(
      *db, [&](Transaction& tx) { return ListAudit(tx, v1::ListAuditRecordsRequest(), 0, 10); });
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].audit_id() == outcome);
  CHECK_FALSE(listed[0].without_outcome());
  CHECK(listed[1].audit_id() == cut_off);
  CHECK(listed[1].without_outcome());
}

TEST_CASE("a record that was changed, taken out or put in is noticed") {
  test::TestDatabase db;
  CHECK(Verify(db).records() == 0);
  // What an earlier version wrote.
  Tamper(db,
         "INSERT INTO audit_log (user_name, peer, method, target, code, operation_id)"
         " VALUES ('old', '', 'm', '', 0, '')");
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(Write(db, {.user_name = "alice", .target = "c" + std::to_string(i)}));
  }
  const auto good = Verify(db);
  CHECK(good.records() == 7);
  CHECK(good.problem_count() == 0);
  CHECK(good.last().audit_id() == ids.back());
  CHECK(Verify(db, good.last()).problem_count() == 0);

  const auto at = [&](int i) { return std::to_string(ids[static_cast<std::size_t>(i)]); };
  SECTION("changed") {
    for (const std::string set :
         {"user_name = 'bob'", "target = ''", "code = 7", "calls = 2", "outcome_of = 1",
          "begun = true", "token_name = 't'", "peer = ''", "operation_id = 'o'", "method = 'x'",
          "audit_time = audit_time + interval '1 microsecond'", "chain = 'f'"}) {
      INFO(set);
      Tamper(db, "CREATE TABLE before AS SELECT * FROM audit_log");
      Tamper(db, "UPDATE audit_log SET " + set + " WHERE audit_id = " + at(2));
      CHECK(ProblemsOf(Verify(db)).front() == ids[2]);
      Tamper(db,
             "DELETE FROM audit_log; INSERT INTO audit_log OVERRIDING SYSTEM VALUE"
             " SELECT * FROM before; DROP TABLE before");
      CHECK(Verify(db).problem_count() == 0);
    }
  }
  SECTION("taken out") {
    Tamper(db, "DELETE FROM audit_log WHERE audit_id = " + at(2));
    CHECK(ProblemsOf(Verify(db)) == std::vector{ids[3]});
  }
  SECTION("put in") {
    Tamper(db,
           "UPDATE audit_log SET audit_id = audit_id + 100 WHERE audit_id > " + at(2) +
               "; INSERT INTO audit_log (audit_id, user_name, peer, method, target, code,"
               " operation_id, chain) OVERRIDING SYSTEM VALUE"
               " SELECT audit_id + 1, 'mallory', peer, method, target, code, operation_id, chain"
               " FROM audit_log WHERE audit_id = " +
               at(2));
    CHECK_FALSE(ProblemsOf(Verify(db)).empty());
  }
  SECTION("taken out at the end, which only what was noted elsewhere tells") {
    Tamper(db, "DELETE FROM audit_log WHERE audit_id > " + at(3));
    CHECK(Verify(db).problem_count() == 0);
    CHECK(ProblemsOf(Verify(db, good.last())) == std::vector{ids.back()});
    // What is written after that does not hide it.
    Write(db, {.user_name = "alice"});
    CHECK_FALSE(ProblemsOf(Verify(db, good.last())).empty());
  }
  SECTION("the oldest may go: who owns the database decides how long they are kept") {
    Tamper(db, "DELETE FROM audit_log WHERE audit_id < " + at(2));
    const auto rest = Verify(db, good.last());
    CHECK(rest.problem_count() == 0);
    CHECK(rest.first_audit_id() == ids[2]);
  }
}

TEST_CASE("many who write at once make one chain") {
  test::TestDatabase db(8);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) Write(db, {.user_name = "alice"});
    });
  }
  for (auto& thread : threads) thread.join();
  const auto response = Verify(db);
  CHECK(response.records() == 160);
  CHECK(response.problem_count() == 0);
}

}  // namespace
}  // namespace dmgr::store
