// A master key is lost for good.
#include "common/error.h"
#include "server/secrets/key_watch.h"
#include "server/secrets/rotate.h"
#include "server/store/sealed_store.h"
#include "tests/store/sealed_world.h"

namespace dmgr::secrets {
namespace {

TEST_CASE("what a lost key has sealed is given up, and the database goes on with another") {
  SealedWorld world;
  const auto next = world.Key("new");
  const auto forgotten = ForgetSecrets(&*world.db, &next, next);
  REQUIRE_OK(forgotten.status());
  CHECK(forgotten->machines.size() == SealedWorld::kMachines + 1);
  CHECK(forgotten->clusters == std::vector<std::string>{"c1"});
  CHECK(world.Openable({&next}) == 0);
  const auto cluster =
      store::Get(*world.db, [](store::Transaction& tx) { return store::GetCluster(tx, "c1"); });
  CHECK(cluster.secrets_forgotten);
  CHECK_FALSE(cluster.pending_topology.has_value());
  CHECK(cluster.needs_reload.empty());
  const auto started = world.Start("new");
  REQUIRE_OK(started.status());

  INFO("the audit log says so, and what was before can only be held on to");
  CHECK(world.Sql("SELECT method FROM audit_log ORDER BY audit_id DESC LIMIT 1") ==
        "dmgrd --forget-secrets");
  std::int64_t unverified = 0;
  CHECK(world.AuditProblems(*started, &unverified) == 0);
  CHECK(unverified == 2);
  world.Sql(
      "SET session_replication_role = replica; DELETE FROM audit_log WHERE user_name = 'just "
      "before'");
  CHECK(world.AuditProblems(*started) == 1);
}

TEST_CASE("a key that is there is not given up, nor while a dmgrd serves") {
  SealedWorld world;
  const auto old = world.Key("old");
  CHECK(Reason(ForgetSecrets(&*world.db, &old, old).status()) == "KEY_NOT_LOST");
  const auto watch = KeyWatch::Start(&*world.db, world.db.dsn());
  REQUIRE_OK(watch.status());
  CHECK(Reason(ForgetSecrets(&*world.db, nullptr, world.Key("new")).status()) == "KEY_IN_USE");
  CHECK(world.Openable({&old}) > 10);
}

TEST_CASE("of a change that was cut off, the key to come may be the one that is lost") {
  SealedWorld world;
  const auto old = world.Key("old");
  const auto lost = world.Key("lost");
  const auto record = RecordOf(lost);
  REQUIRE_OK(world.db->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto recorded, store::LockSealKey(tx));
    recorded->next_key_id = record.key_id;
    recorded->next_canary = record.canary;
    return store::UpdateSealKey(tx, *recorded);
  }));
  REQUIRE_OK(ForgetSecrets(&*world.db, &old, old).status());
  REQUIRE_OK(world.Start("old").status());
}

}  // namespace
}  // namespace dmgr::secrets
