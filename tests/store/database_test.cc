#include <atomic>
#include <thread>

#include "server/store/migrations.h"
#include "server/store/operation_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

TEST_CASE("migrations apply once, however often and by however many") {
  const test::TestDsn empty;
  std::vector<std::unique_ptr<Database>> replicas;
  for (int i = 0; i < 4; ++i) {
    auto opened = Database::Open({.dsn = empty.dsn()});
    REQUIRE_OK(opened.status());
    replicas.push_back(std::move(*opened));
  }
  std::vector<absl::Status> results(replicas.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    threads.emplace_back([&, i] { results[i] = replicas[i]->Migrate(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) REQUIRE_OK(result);
  REQUIRE_OK(replicas[0]->Migrate());
  const std::string applied = Sql(empty.dsn(), "SELECT count(*) FROM schema_migration");
  CHECK(applied == Sql(empty.dsn(), "SELECT max(version) FROM schema_migration"));
  CHECK(Sql(empty.dsn(), "SELECT name FROM schema_migration WHERE version = 1") == "init");
}

TEST_CASE("a migration keeps what older ones have stored") {
  const test::TestDsn dsn;
  // The schema as it was before rules of columns became domains.
  std::string old =
      "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
      " apply_time timestamptz NOT NULL DEFAULT clock_timestamp());";
  for (const Migration& migration : Migrations()) {
    if (migration.version > 8) continue;
    old += migration.sql;
    old += fmt::format("INSERT INTO schema_migration (version, name) VALUES ({}, '{}');",
                       migration.version, migration.name);
  }
  Sql(dsn.dsn(), old);
  const std::string id = "11111111-2222-4333-8444-555555555555";
  Sql(dsn.dsn(),
      fmt::format(
          "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
          " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence)"
          " VALUES ('{0}', 'DEPLOY', 'c', '{0}', 'QUEUED', true, 'u', '', 1, 2);"
          "INSERT INTO operation_step (operation_id, step_id, position, title, host, runner, state,"
          " payload, result, weight, depends_on, point_of_no_return)"
          " VALUES ('{0}', 's', 0, 't', '', 'r', 'PENDING', '{{}}', '{{}}', 1, '[]', false);"
          "INSERT INTO operation_event (operation_id, sequence, kind, state)"
          " VALUES ('{0}', 1, 'OPERATION_STATE', 'QUEUED');"
          "INSERT INTO operation_event (operation_id, sequence, kind, step_id, level, message)"
          " VALUES ('{0}', 2, 'LOG', 's', 'INFO', 'm')",
          id));
  auto db = Database::Open({.dsn = dsn.dsn()});
  REQUIRE_OK(db.status());
  REQUIRE_OK((*db)->Migrate());
  REQUIRE_OK((*db)->Transact([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const OperationRecord record, GetOperation(tx, id));
    CHECK(record.operation.kind() == v1::OPERATION_KIND_DEPLOY);
    CHECK(record.steps.size() == 1);
    ASSIGN_OR_RETURN(const auto events, ListEvents(tx, id, 0, 10));
    CHECK(events.size() == 2);
    return absl::OkStatus();
  }));
  for (const char* change : {"UPDATE operation SET state = 'NONE'",
                             "UPDATE operation SET kind = 'NONE'",
                             "UPDATE operation SET phase = 'NONE'",
                             "UPDATE operation_step SET state = 'NONE'",
                             "UPDATE operation_event SET kind = 'NONE'",
                             "UPDATE operation_event SET level = 'NONE'",
                             "UPDATE operation SET cluster_name = ''",
                             "UPDATE operation SET plan_format = 0",
                             "UPDATE operation SET epoch = -1",
                             "UPDATE operation SET last_sequence = 0",
                             "UPDATE operation_step SET step_id = ''",
                             "UPDATE operation_step SET position = -1",
                             "UPDATE operation_step SET runner = ''",
                             "UPDATE operation_step SET attempts = -1",
                             "UPDATE operation_step SET weight = -1",
                             "UPDATE operation_step SET weight = 'infinity'",
                             "UPDATE operation_step SET bytes_done = -1",
                             "UPDATE operation_step SET bytes_total = -1",
                             "UPDATE operation_step SET depends_on = '{}'",
                             "UPDATE operation_event SET sequence = 0"}) {
    INFO(change);
    CHECK_THROWS(Sql(dsn.dsn(), change));
  }
}

TEST_CASE("what an operation's columns must be together is refused by its rule") {
  test::TestDatabase db;
  const OperationRecord record = SampleOperation("c1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, record, false); }));
  const std::string ended = "UPDATE operation SET holds_cluster = false, end_time = now(), ";
  const std::vector<std::pair<std::string, std::string>> broken = {
      {"operation_lease", "UPDATE operation SET lease_owner = 'o'"},
      {"operation_lease", "UPDATE operation SET lease_until = now()"},
      {"operation_lease_active", "UPDATE operation SET lease_owner = 'o', lease_until = now()"},
      {"operation_hold", "UPDATE operation SET holds_cluster = false"},
      {"operation_hold", "UPDATE operation SET state = 'SUCCEEDED', end_time = now()"},
      {"operation_superseded", "UPDATE operation SET superseded_by = operation_id"},
      {"operation_superseded", ended + "state = 'SUCCEEDED', superseded_by = operation_id"},
      {"operation_end", "UPDATE operation SET end_time = now()"},
      {"operation_end", "UPDATE operation SET state = 'FAILED'"},
      {"operation_phase", "UPDATE operation SET phase = 'ROLLBACK'"},
      {"operation_phase", "UPDATE operation SET state = 'ROLLING_BACK'"},
      {"operation_phase", ended + "state = 'ROLLED_BACK'"},
      {"operation_abandoned", "UPDATE operation SET abandoned = true"},
      {"operation_abandoned", ended + "state = 'SUCCEEDED', abandoned = true"},
      {"operation_lease",
       "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
       " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence, lease_owner)"
       " SELECT gen_random_uuid(), 'STOP', 'c2', cluster_uuid, 'QUEUED', true, 'u', '', 1, 1, 'o'"
       " FROM operation"},
      {"operation_event_fields", "UPDATE operation_event SET state = NULL"},
      {"operation_event_fields", "UPDATE operation_event SET kind = 'STEP_STATE', step_id = 's'"},
      {"operation_event_fields", "UPDATE operation_event SET kind = 'STEP_PROGRESS'"},
      {"operation_event_fields",
       "INSERT INTO operation_event (operation_id, sequence, kind, level)"
       " SELECT operation_id, 9, 'LOG', 'INFO' FROM operation"},
  };
  for (const auto& [rule, change] : broken) {
    INFO(change);
    CHECK_THROWS_WITH(Sql(db.dsn(), change), Catch::Contains("breaks the rule " + rule));
  }
  Sql(db.dsn(), ended + "state = 'FAILED', abandoned = true");
  CHECK(Sql(db.dsn(), "SELECT state FROM operation") == "FAILED");
}

TEST_CASE("the tables have the names of the design") {
  test::TestDatabase db;
  for (const char* name : {"machine", "warehouse", "cluster_meta", "cluster_topology", "user",
                           "instance_port", "operation", "operation_step", "operation_event",
                           "session", "audit_log", "schema_migration", "cluster_host"}) {
    INFO(name);
    CHECK(Sql(db.dsn(), std::string("SELECT count(*) FROM pg_tables WHERE tablename = '") + name +
                            "'") == "1");
  }
}

TEST_CASE("a newer schema is refused") {
  test::TestDatabase db;
  Sql(db.dsn(), "INSERT INTO schema_migration (version, name) VALUES (9999, 'future')");
  const absl::Status status = db->Migrate();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "SCHEMA_TOO_NEW");
  CHECK_FALSE(Metadata(status, "remedy").empty());
}

TEST_CASE("a transaction that fails changes nothing") {
  test::TestDatabase db;
  const absl::Status status = db->Transact([](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertPackage(tx, SamplePackage("v1")));
    return absl::CancelledError("no");
  });
  CHECK(status.code() == absl::StatusCode::kCancelled);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM warehouse") == "0");
}

TEST_CASE("a failed statement cannot be committed by ignoring its status") {
  test::TestDatabase db;
  const absl::Status status = db->Transact([](Transaction& tx) -> absl::Status {
    v1::Package wrong = SamplePackage("v1");
    wrong.set_sha256("not a hash");
    InsertPackage(tx, wrong).IgnoreError();
    return absl::OkStatus();
  });
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "CONSTRAINT_VIOLATED");
  // The row's values may be secret.
  CHECK(Message(status).find("not a hash") == std::string::npos);
}

TEST_CASE("texts that PostgreSQL cannot keep are refused, not cut") {
  test::TestDatabase db;
  for (const std::string& version : {std::string("a\0b", 3), std::string("\xff")}) {
    const absl::Status status = db->Transact(
        [&](Transaction& tx) -> absl::Status { return InsertPackage(tx, SamplePackage(version)); });
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("broken connections are replaced without anybody noticing") {
  test::TestDatabase db;
  InsertBasics(*db);
  Sql(db.dsn(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE datname = current_database() AND pid <> pg_backend_pid()");
  CHECK(Get(*db, [](Transaction& tx) { return GetPackage(tx, "v7.5.1"); }).version() == "v7.5.1");
}

TEST_CASE("a connection that breaks within a transaction: the transaction runs again") {
  test::TestDatabase db;
  InsertBasics(*db);
  int runs = 0;
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertPackage(tx, SamplePackage("v8")));
    if (++runs == 1) {
      Sql(db.dsn(),
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE datname = current_database() AND state LIKE 'idle in transaction%'");
    }
    return GetPackage(tx, "v7.5.1").status();
  }));
  CHECK(runs == 2);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM warehouse") == "2");
}

TEST_CASE("a database that cannot be reached: UNAVAILABLE with a remedy") {
  const auto opened = Database::Open({.dsn = "host=/nonexistent dbname=x password=hunter2"});
  REQUIRE(opened.status().code() == absl::StatusCode::kUnavailable);
  CHECK_FALSE(Metadata(opened.status(), "remedy").empty());
  CHECK(opened.status().ToString().find("hunter2") == std::string::npos);
  const auto unreadable = Database::Open({.dsn = "host=x passwordhunter2"});
  REQUIRE(unreadable.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(unreadable.status().ToString().find("hunter2") == std::string::npos);
}

TEST_CASE("a URI is a connection string as well, with its own options kept") {
  test::TestDatabase db;
  const std::string dir = Sql(db.dsn(),
                              "SELECT trim('\"' FROM current_setting("
                              "'unix_socket_directories'))");
  const std::string name = Sql(db.dsn(), "SELECT current_database()");
  const auto opened = Database::Open(
      {.dsn = "postgresql:///" + name + "?host=" + dir + "&user=dmgr&application_name=mine"});
  REQUIRE_OK(opened.status());
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine'") ==
        "1");
}

TEST_CASE("deadlocks are run again until both are through") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertMachine(tx, SampleMachine("h2")); }));
  std::atomic<int> first_locks = 0;
  std::atomic<int> runs = 0;
  const auto update_both = [&](const std::string& one, const std::string& other) {
    return db->Transact([&](Transaction& tx) -> absl::Status {
      const int run = ++runs;
      RETURN_IF_ERROR(UpdateMachine(tx, SampleMachine(one)));
      if (run <= 2) {
        ++first_locks;
        while (first_locks < 2) std::this_thread::yield();
      }
      return UpdateMachine(tx, SampleMachine(other));
    });
  };
  absl::Status other;
  std::thread thread([&] { other = update_both("h2", "h1"); });
  const absl::Status mine = update_both("h1", "h2");
  thread.join();
  REQUIRE_OK(mine);
  REQUIRE_OK(other);
  CHECK(runs > 2);
}

TEST_CASE("more callers than connections wait for their turn") {
  test::TestDatabase db(2);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<absl::Status> results(12);
  std::vector<std::thread> threads;
  for (absl::Status& result : results) {
    threads.emplace_back([&] {
      result = db->Transact([&](Transaction& tx) -> absl::Status {
        const int now = ++inside;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        const auto packages = ListPackages(tx, "", 10);
        --inside;
        return packages.status();
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) REQUIRE_OK(result);
  CHECK(most <= 2);
}

}  // namespace
}  // namespace dmgr::store
