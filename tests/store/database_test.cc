#include <atomic>
#include <thread>

#include "server/store/operation_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

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

TEST_CASE("nobody on the way to another machine's database may read along") {
  for (const std::string dsn :
       {"dbname=dmgr", "host=/run/postgresql", "host=localhost", "host=127.0.0.1,::1 user=x",
        "host=db.example.com sslmode=verify-full", "postgresql://u@db/dmgr?sslmode=verify-full",
        // Where libpq goes.
        "host=db.example.com hostaddr=127.0.0.1"}) {
    INFO(dsn);
    CHECK(CheckTransport(dsn).ok());
  }
  for (const std::string dsn :
       {"host=db.example.com", "host=db sslmode=require", "host=db sslmode=verify-ca",
        "postgresql://u:p@db:5432/dmgr", "host=localhost,db", "host=localhost hostaddr=192.0.2.1",
        "host=localhost.example.com"}) {
    INFO(dsn);
    const absl::Status status = CheckTransport(dsn);
    CHECK(Reason(status) == "DSN_UNSAFE");
    CHECK(status.ToString().find("u:p") == std::string::npos);
  }
  CHECK(Reason(CheckTransport("nonsense")) == "DSN_INVALID");
  CHECK(HoldsPassword("postgresql://u:p@db/dmgr"));
  CHECK_FALSE(HoldsPassword("host=db passfile=/etc/dmgr/pgpass"));
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
