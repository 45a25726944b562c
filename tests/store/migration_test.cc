// How the schema of a database that has been used becomes the present one.
#include <pqxx/pqxx>
#include <thread>
#include <tuple>
#include <utility>

#include "server/store/migrations.h"
#include "server/store/operation_store.h"
#include "server/store/user_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

// The last one before rules of columns became domains.
constexpr int kBeforeDomains = 8;

// The last one before parameters and results of steps became messages.
constexpr int kBeforeStepMessages = 14;

// The last one before it was recorded what is wanted of instances.
constexpr int kBeforeWanted = 15;

// The version before machines say which accounts may be used.
constexpr int kBeforePrivileges = 20;

// The last one before sessions had ends of their own, and roles clusters.
constexpr int kBeforeSessions = 24;

// The last one before machines could be reached through others.
constexpr int kBeforeJumpHosts = 31;

// An empty database with the schema as it once was.
void ApplyUpTo(const std::string& dsn, int version) {
  std::string old =
      "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
      " apply_time timestamptz NOT NULL DEFAULT clock_timestamp());";
  for (const Migration& migration : Migrations()) {
    if (migration.version > version) continue;
    old += migration.sql;
    old += fmt::format("INSERT INTO schema_migration (version, name) VALUES ({}, '{}');",
                       migration.version, migration.name);
  }
  Sql(dsn, old);
}

std::unique_ptr<Database> Open(const std::string& dsn) {
  auto opened = Database::Open({.dsn = dsn});
  REQUIRE_OK(opened.status());
  return *std::move(opened);
}

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
  ApplyUpTo(dsn.dsn(), kBeforeDomains);
  const std::string id = "11111111-2222-4333-8444-555555555555";
  Sql(dsn.dsn(),
      fmt::format(
          "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
          " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence, end_time)"
          " VALUES ('{0}', 'DEPLOY', 'c', '{0}', 'SUCCEEDED', false, 'u', '', 1, 2, now());"
          "INSERT INTO operation_step (operation_id, step_id, position, title, host, runner, state,"
          " payload, result, weight, depends_on, point_of_no_return)"
          " VALUES ('{0}', 's', 0, 't', '', 'r', 'SUCCEEDED', '{{}}', '{{}}', 1, '[]', false);"
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

TEST_CASE("a migration refuses while an operation can go on that it would take the words from") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeStepMessages);
  const std::string id = "11111111-2222-4333-8444-555555555555";
  Sql(dsn.dsn(),
      fmt::format("INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
                  " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence)"
                  " VALUES ('{0}', 'UPGRADE', 'prod', '{0}', 'QUEUED', true, 'u', '', 1, 1)",
                  id));
  for (const char* change :
       {"state = 'QUEUED'", "state = 'RUNNING'", "state = 'CANCELLING'",
        "state = 'ROLLING_BACK', phase = 'ROLLBACK'",
        "state = 'CANCELLED', phase = 'FORWARD', end_time = now()", "state = 'FAILED'"}) {
    CAPTURE(change);
    Sql(dsn.dsn(), fmt::format("UPDATE operation SET {}", change));
    const absl::Status status = Open(dsn.dsn())->Migrate();
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Reason(status) == "OPERATIONS_ACTIVE");
    CHECK_THAT(std::string(Message(status)),
               Catch::Contains("UPGRADE of cluster prod") && Catch::Contains(id));
    CHECK_THAT(Metadata(status, "remedy"), Catch::Contains("start the dmgrd from before"));
    CHECK(Sql(dsn.dsn(), "SELECT max(version) FROM schema_migration") ==
          std::to_string(kBeforeStepMessages));
  }
  // Nobody can resume it any more, or roll it back.
  Sql(dsn.dsn(), "UPDATE operation SET holds_cluster = false, abandoned = true");
  REQUIRE_OK(Open(dsn.dsn())->Migrate());
}

TEST_CASE("what is wanted of instances from before follows from what was done last") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeWanted);
  std::string rows = fmt::format(
      "INSERT INTO warehouse (version, file_name, size_bytes, sha256, arch, components)"
      " VALUES ('v1', 'f', 1, '{}', 'amd64', '[]');"
      "INSERT INTO machine (machine_id, host, ssh_port, login_user, privilege, host_key,"
      " host_key_fingerprint, far_end_dir, credential_kind, sealed_credential, facts)"
      " VALUES ('m', 'h', 22, 'root', 'ROOT', 'k', 'f', '/f', 'PASSWORD', '', '{{}}');",
      std::string(64, 'a'));
  for (const auto& [name, state, uuid] :
       {std::tuple{"up", "Up", "11111111-2222-4333-8444-555555555555"},
        std::tuple{"off", "Offline", "21111111-2222-4333-8444-555555555555"}}) {
    rows += fmt::format(
        "INSERT INTO cluster_meta (cluster_name, cluster_uuid, cluster_version, cluster_status,"
        " os_user, os_group, cluster_path, skip_create_user, topology, public_key,"
        " sealed_private_key, sealed_grafana_password)"
        " VALUES ('{}', '{}', 'v1', '{}', 'u', 'u', '/c', false, '{{}}', 'k', '', '');",
        name, uuid, state);
    int position = 0;
    for (const char* instance : {"a", "b", "c"}) {
      rows += fmt::format(
          "INSERT INTO cluster_topology (cluster_name, instance_name, position, component, host,"
          " manage_host, machine_id, host_identity, port, listen_host, deploy_dir, data_dir,"
          " log_dir, numa_node, resource_control, config, v1_source_path, storage_retention,"
          " grafana_user) VALUES ('{}', '{}', {}, 'dm-worker', 'h', 'h', 'm', 'm', 1, '', '/d', '',"
          " '', '', '{{}}', '{{}}', '', '', '');",
          name, instance, position++);
    }
  }
  int number = 0;
  for (const auto& [runner, payload] : {std::pair{"host.stop", R"({"instances": ["b", "c"]})"},
                                        std::pair{"host.restart", R"({"turn": {"instance": "c"}})"},
                                        std::pair{"host.disable", R"({"instances": ["a", "b"]})"},
                                        std::pair{"host.enable", R"({"instances": ["b"]})"}}) {
    const std::string id = fmt::format("3111111{}-2222-4333-8444-555555555555", ++number);
    rows += fmt::format(
        "INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state,"
        " holds_cluster, user_name, request_fingerprint, plan_format, last_sequence, end_time)"
        " VALUES ('{0}', 'STOP', 'up', '11111111-2222-4333-8444-555555555555', 'SUCCEEDED', false,"
        " 'u', '', 1, 1, now());"
        "INSERT INTO operation_step (operation_id, step_id, position, title, host, runner, state,"
        " payload, result, weight, depends_on, point_of_no_return)"
        " VALUES ('{0}', 's', 0, 't', 'm', '{1}', 'SUCCEEDED', '{2}', '{{}}', 1, '[]', false);",
        id, runner, payload);
  }
  Sql(dsn.dsn(), rows);
  REQUIRE_OK(Open(dsn.dsn())->Migrate());
  const auto wanted = [&](const std::string& what, const std::string& cluster) {
    return Sql(dsn.dsn(), fmt::format("SELECT string_agg(instance_name, ' ' ORDER BY position) FROM"
                                      " cluster_topology WHERE {} AND cluster_name = '{}'",
                                      what, cluster));
  };
  CHECK(wanted("wanted_running", "up") == "a c");
  CHECK(wanted("wanted_enabled", "up") == "b c");
  CHECK(wanted("wanted_running", "off").empty());
  CHECK(wanted("wanted_enabled", "off") == "a b c");
  // Rows of older schemas go with a name that changes, too.
  Sql(dsn.dsn(), "UPDATE cluster_meta SET cluster_name = 'other' WHERE cluster_name = 'up'");
  CHECK(wanted("wanted_running", "other") == "a c");
}

TEST_CASE("accounts of others that clusters run as already stay allowed where they do") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforePrivileges);
  Sql(dsn.dsn(),
      fmt::format(
          "INSERT INTO warehouse (version, file_name, size_bytes, sha256, arch, components)"
          " VALUES ('v1', 'f', 1, '{}', 'amd64', '[]');"
          "INSERT INTO machine (machine_id, host, ssh_port, login_user, privilege, host_key,"
          " host_key_fingerprint, far_end_dir, credential_kind, sealed_credential, facts)"
          " SELECT m, m, 22, 'root', 'ROOT', 'k', 'f', '/f', 'PASSWORD', '', '{{}}'"
          " FROM unnest(ARRAY['m1', 'm2', 'm3']) AS m;"
          "INSERT INTO cluster_meta (cluster_name, cluster_uuid, cluster_version, cluster_status,"
          " os_user, os_group, cluster_path, skip_create_user, topology, public_key,"
          " sealed_private_key, sealed_grafana_password)"
          " VALUES ('c', '11111111-2222-4333-8444-555555555555', 'v1', 'Up', 'alice', 'staff',"
          " '/c', false, '{{}}', 'k', '', '');"
          "INSERT INTO cluster_host (cluster_name, machine_id, before) VALUES"
          " ('c', 'm1', '{{\"user_existed\": true, \"group_existed\": true}}'),"
          " ('c', 'm2', '{{\"user_existed\": false, \"group_existed\": false}}');",
          std::string(64, 'a')));
  REQUIRE_OK(Open(dsn.dsn())->Migrate());
  CHECK(Sql(dsn.dsn(),
            "SELECT string_agg(allowed_users::text, ' ' ORDER BY machine_id)"
            " FROM machine") == "[\"alice\", \"staff\"] [] []");
  CHECK(Sql(dsn.dsn(), "SELECT user_login::text FROM cluster_meta") == "false");
}

TEST_CASE("machines from before are reached directly") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeJumpHosts);
  Sql(dsn.dsn(),
      "INSERT INTO machine (machine_id, host, ssh_port, login_user, privilege, host_key,"
      " host_key_fingerprint, far_end_dir, credential_kind, sealed_credential, facts)"
      " VALUES ('m1', 'm1', 22, 'root', 'ROOT', 'k', 'f', '/f', 'PASSWORD', '', '{}')");
  const auto database = Open(dsn.dsn());
  REQUIRE_OK(database->Migrate());
  CHECK(Get(*database, [](Transaction& tx) { return GetMachine(tx, "m1"); }).machine.via().empty());
}

TEST_CASE("who had a role before has it for all clusters; who was logged in logs in again") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeSessions);
  Sql(dsn.dsn(),
      "INSERT INTO \"user\" (user_name, role, password_hash) VALUES ('al', 'OPERATOR', "
      "'$argon2id$');"
      "INSERT INTO session (token_hash, user_name, expire_time)"
      " VALUES ('t', 'al', now() + interval '1 hour');"
      "INSERT INTO audit_log (user_name, peer, method, target, code, operation_id)"
      " VALUES ('al', 'p', 'm', 't', 0, '');");
  const auto database = Open(dsn.dsn());
  REQUIRE_OK(database->Migrate());
  const auto user = Get(*database, [](Transaction& tx) { return GetUser(tx, "al"); }).user;
  CHECK(user.role() == v1::ROLE_OPERATOR);
  CHECK(user.grants().empty());
  CHECK(Sql(dsn.dsn(), "SELECT count(*) FROM session") == "0");
  CHECK(Sql(dsn.dsn(), "SELECT token_name FROM audit_log").empty());
}

TEST_CASE("a newer schema is refused") {
  test::TestDatabase db;
  Sql(db.dsn(), "INSERT INTO schema_migration (version, name) VALUES (9999, 'future')");
  const absl::Status status = db->Migrate();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "SCHEMA_TOO_NEW");
  CHECK_FALSE(Metadata(status, "remedy").empty());
}

// Where the rows of the large tables and the entries of their keys are stored: another place when
// they were written anew.
std::string Places(const std::string& dsn) {
  return Sql(
      dsn,
      "SELECT string_agg(relname || ' ' || relfilenode, ', ' ORDER BY relname)"
      " FROM pg_class WHERE relname LIKE 'operation_event%' OR relname LIKE 'operation_step%'"
      " OR relname IN ('operation', 'operation_pkey', 'operation_newest')");
}

TEST_CASE("a migration writes no large table anew") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeDomains);
  const std::string places = Places(dsn.dsn());
  REQUIRE_OK(Open(dsn.dsn())->Migrate());
  CHECK(Places(dsn.dsn()) == places);
}

TEST_CASE("migrations that are cut off go on with the next") {
  const test::TestDsn dsn;
  ApplyUpTo(dsn.dsn(), kBeforeDomains);
  const auto db = Open(dsn.dsn());
  std::vector<std::string> told;
  // The first two of them are through when the session is ended.
  const absl::Status status = db->Migrate([&](const std::string& what) {
    told.push_back(what);
    if (told.size() < 3) return;
    Sql(dsn.dsn(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
  });
  CHECK(absl::IsUnavailable(status));
  CHECK(Sql(dsn.dsn(), "SELECT max(version) FROM schema_migration") ==
        std::to_string(kBeforeDomains + 2));
  REQUIRE_OK(db->Migrate([&](const std::string& what) { told.push_back(what); }));
  const std::size_t rest = Migrations().size() - kBeforeDomains;
  REQUIRE(told.size() == rest + 1);  // One of them twice.
  CHECK(told[2] == told[3]);
}

TEST_CASE("a dmgrd waits for another one that changes the schema, and says so") {
  const test::TestDsn dsn;
  pqxx::connection other(dsn.dsn());
  std::optional<pqxx::work> holding;
  holding.emplace(other);
  holding->exec("SELECT pg_advisory_xact_lock(7236830541)");
  int waits = 0;
  REQUIRE_OK(Open(dsn.dsn())->Migrate([&](const std::string& what) {
    if (what.find("waiting for another dmgrd") == std::string::npos) return;
    ++waits;
    holding.reset();
  }));
  CHECK(waits == 1);
}

}  // namespace
}  // namespace dmgr::store
