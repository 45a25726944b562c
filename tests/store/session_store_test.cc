#include "server/store/session_store.h"

#include <string>

#include "server/store/token_store.h"
#include "server/store/user_store.h"
#include "tests/store/samples.h"
#include "tests/support/postgres.h"

namespace dmgr::store {
namespace {

using test::Sql;

struct Sessions {
  Sessions() {
    REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertUser(tx, SampleUser("alice")); }));
  }
  SessionEnds Open(const std::string& id, const SessionLimits& limits = {}) {
    return Get(*db, [&](Transaction& tx) {
      return OpenSession(tx, {id, "hash of " + id, "alice"}, limits);
    });
  }
  std::string Find(const std::string& id, const std::string& hash = "") {
    return Reason(db->Transact([&](Transaction& tx) {
      return FindSession(tx, id, hash.empty() ? "hash of " + id : hash, {}).status();
    }));
  }
  void Age(const std::string& id, const std::string& column, const std::string& by) {
    Sql(db.dsn(), "UPDATE session SET " + column + " = " + column + " - interval '" + by +
                      "' WHERE session_id = '" + id + "' RETURNING 1");
  }
  test::TestDatabase db;
};

TEST_CASE("a session ends by itself when it is not used, and some days after the login") {
  Sessions world;
  auto& db = world.db;
  const SessionEnds ends = world.Open("one");
  CHECK(ends.idle_time < ends.expire_time);
  CHECK(world.Find("one").empty());
  world.Age("one", "idle_time", "12 hours 1 second");
  CHECK(world.Find("one") == "TOKEN_EXPIRED");

  world.Open("two");
  // It is used all the time.
  world.Age("two", "expire_time", "7 days");
  REQUIRE_OK(db->Transact([](Transaction& tx) { return TouchSession(tx, "two", {}); }));
  CHECK(world.Find("two") == "TOKEN_EXPIRED");

  world.Open("three");
  world.Age("three", "idle_time", "11 hours");
  const auto live =
      Get(*db, [](Transaction& tx) { return FindSession(tx, "three", "hash of three", {}); });
  CHECK(live.user.name() == "alice");
  CHECK(live.is_stale);
  REQUIRE_OK(db->Transact([](Transaction& tx) { return TouchSession(tx, "three", {}); }));
  world.Age("three", "idle_time", "11 hours 59 minutes");
  CHECK(world.Find("three").empty());

  // Why it ended can be told for a day.
  REQUIRE_OK(db->Transact([](Transaction& tx) { return PruneSessions(tx).status(); }));
  CHECK(world.Find("one") == "TOKEN_EXPIRED");
  world.Age("one", "idle_time", "1 day");
  REQUIRE_OK(db->Transact([](Transaction& tx) { return PruneSessions(tx).status(); }));
  CHECK(world.Find("one") == "TOKEN_UNKNOWN");
  CHECK(world.Find("three").empty());
}

TEST_CASE("a replaced token is told apart from an unknown one, and prolongs nothing") {
  Sessions world;
  auto& db = world.db;
  const SessionEnds before = world.Open("one");
  const auto replace = [&](const std::string& old_hash, const std::string& new_hash) {
    SessionEnds ends;
    const absl::Status status = db->Transact([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(ends, ReplaceToken(tx, {"one", old_hash, "alice"}, new_hash, {}));
      return absl::OkStatus();
    });
    if (status.ok()) CHECK(ends.expire_time == before.expire_time);
    return Reason(status);
  };
  CHECK(replace("hash of one", "new hash").empty());
  CHECK(world.Find("one", "new hash").empty());
  CHECK(world.Find("one", "hash of one") == "TOKEN_REUSED");
  CHECK(replace("hash of one", "another") == "TOKEN_REUSED");
  CHECK(world.Find("one", "new hash").empty());
  world.Age("one", "idle_time", "1 day");
  CHECK(replace("new hash", "another") == "TOKEN_EXPIRED");
  CHECK(world.Find("none") == "TOKEN_UNKNOWN");
}

TEST_CASE("of too many sessions the oldest ends, and before it those that are over") {
  Sessions world;
  const SessionLimits limits = {.per_user = 3};
  for (const char* id : {"one", "two", "three"}) world.Open(id, limits);
  world.Age("three", "expire_time", "8 days");
  world.Open("four", limits);
  CHECK(world.Find("one").empty());
  CHECK(world.Find("three") == "TOKEN_UNKNOWN");
  world.Open("five", limits);
  CHECK(world.Find("one") == "TOKEN_UNKNOWN");
  for (const char* id : {"two", "four", "five"}) CHECK(world.Find(id).empty());
  REQUIRE_OK(
      world.db->Transact([](Transaction& tx) { return DeleteOtherSessions(tx, "alice", "four"); }));
  CHECK(world.Find("two") == "TOKEN_UNKNOWN");
  CHECK(world.Find("four").empty());
}

TEST_CASE("callers have ended when session, token or user have, or the user may do other things") {
  Sessions world;
  auto& db = world.db;
  world.Open("one");
  v1::Token token;
  token.set_user_name("alice");
  token.set_name("ci");
  token.set_role(v1::ROLE_VIEWER);
  REQUIRE_OK(
      db->Transact([&](Transaction& tx) { return InsertToken(tx, "h", absl::Hours(1), &token); }));
  const auto key_of_token = Get(*db, [](Transaction& tx) { return FindToken(tx, "h"); }).key;
  const auto key =
      Get(*db, [](Transaction& tx) { return FindSession(tx, "one", "hash of one", {}); }).key;
  const auto ended = [&] {
    return Get(*db, [&](Transaction& tx) { return ListEndedCallers(tx, {key, key_of_token}); });
  };
  CHECK(ended().empty());
  Sql(db.dsn(), "UPDATE api_token SET expire_time = now() RETURNING 1");
  REQUIRE(ended().size() == 1);
  CHECK(ended()[0].key == key_of_token);
  CHECK_FALSE(ended()[0].is_live);
  CHECK(Reason(db->Read([](Transaction& tx) { return FindToken(tx, "h").status(); })) ==
        "TOKEN_EXPIRED");

  v1::User alice = SampleUser("alice").user;
  alice.set_role(v1::ROLE_VIEWER);
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    auto bob = SampleUser("bob");
    bob.user.set_role(v1::ROLE_ADMIN);
    RETURN_IF_ERROR(InsertUser(tx, bob));
    return UpdateUser(tx, alice);
  }));
  REQUIRE(ended().size() == 2);
  for (const auto& caller : ended()) CHECK(caller.is_live == (caller.key == key));
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeleteUser(tx, "alice"); }));
  for (const auto& caller : ended()) CHECK_FALSE(caller.is_live);
  CHECK(Reason(db->Read([](Transaction& tx) { return FindToken(tx, "h").status(); })) ==
        "TOKEN_UNKNOWN");
}

TEST_CASE("users and tokens keep their grants") {
  Sessions world;
  auto& db = world.db;
  v1::User alice = SampleUser("alice").user;
  alice.set_role(v1::ROLE_UNSPECIFIED);
  auto* grant = alice.add_grants();
  grant->set_role(v1::ROLE_OPERATOR);
  grant->add_cluster_names("test");
  (*grant->mutable_labels())["env"] = "it's a \"test\"";
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    auto bob = SampleUser("bob");
    bob.user.set_role(v1::ROLE_ADMIN);
    RETURN_IF_ERROR(InsertUser(tx, bob));
    return UpdateUser(tx, alice);
  }));
  const auto stored = Get(*db, [](Transaction& tx) { return GetUser(tx, "alice"); }).user;
  CHECK(stored.role() == v1::ROLE_UNSPECIFIED);
  REQUIRE(stored.grants_size() == 1);
  CHECK(stored.grants(0).SerializeAsString() == alice.grants(0).SerializeAsString());
  // No role at all is refused by the schema, too.
  alice.clear_grants();
  CHECK_FALSE(db->Transact([&](Transaction& tx) { return UpdateUser(tx, alice); }).ok());
}

}  // namespace
}  // namespace dmgr::store
