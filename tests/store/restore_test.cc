// A database that was restored from a backup.
#include "server/store/restore.h"

#include "server/store/operation_store.h"
#include "server/store/user_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

std::int64_t Last(Database& db) {
  return Get(db, [](Transaction& tx) { return LastEpoch(tx); });
}

TEST_CASE("after a restore nothing runs by itself, and nobody is logged in") {
  test::TestDatabase db;
  CHECK(Last(*db) == 0);
  const std::string running = InsertOne(*db);
  Claim claim;
  const auto claimed = ClaimOne(*db, absl::Minutes(5), &claim);
  CHECK(Last(*db) == static_cast<std::int64_t>(claimed.epoch));
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    UserRecord user;
    user.user.set_name("alice");
    user.user.set_role(v1::ROLE_ADMIN);
    user.password_hash = "$argon2id$none";
    RETURN_IF_ERROR(InsertUser(tx, user));
    return SetBootstrapHash(tx, "hash");
  }));
  Sql(db.dsn(),
      "INSERT INTO session (session_id, token_hash, user_name, expire_time, idle_time)"
      " VALUES ('s', 't', 'alice', now() + interval '1 hour', now() + interval '1 hour')");
  Sql(db.dsn(),
      "INSERT INTO api_token (user_name, token_name, token_hash, role, expire_time)"
      " VALUES ('alice', 'ci', 't', 'VIEWER', now() + interval '1 hour')");

  const Restored restored = Get(*db, [](Transaction& tx) { return AfterRestore(tx); });
  CHECK(restored.sessions == 1);
  CHECK(restored.tokens == 1);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM api_token") == "0");
  CHECK(restored.operations == 1);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM session") == "0");
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM bootstrap_secret") == "0");
  CHECK(Last(*db) > (std::int64_t{1} << 44));
  const auto parked = Get(*db, [&](Transaction& tx) { return GetOperation(tx, running); });
  CHECK(parked.operation.state() == v1::OPERATION_STATE_FAILED);
  CHECK(parked.operation.holds_cluster());
  const absl::Status error = FromProto(parked.operation.error());
  CHECK(Reason(error) == "RESTORED");
  CHECK(NextActionsOf(error).size() == 3);
  // Whoever had it has it no more.
  CHECK(db->Transact([&](Transaction& tx) { return CheckClaim(tx, claim); }).code() ==
        absl::StatusCode::kAborted);
  // Twice is no harm.
  const Restored again = Get(*db, [](Transaction& tx) { return AfterRestore(tx); });
  CHECK(again.operations == 0);
}

}  // namespace
}  // namespace dmgr::store
