// Sources, targets and tasks, and their configurations.
#include "server/store/migration_store.h"

#include <catch2/catch.hpp>

#include "common/error.h"
#include "server/store/restore.h"
#include "tests/store/samples.h"
#include "tests/support/postgres.h"

namespace dmgr::store {
namespace {

struct Clusters {
  Clusters() {
    InsertBasics(*db);
    REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
      for (const auto* name : {"c1", "c2"}) {
        const auto cluster = SampleCluster(name, std::string(name) == "c1" ? 8261 : 9261);
        uuids.push_back(cluster.cluster.uuid);
        RETURN_IF_ERROR(InsertCluster(tx, cluster, {{"h1", "id-h1"}}));
      }
      return absl::OkStatus();
    }));
  }

  absl::Status Do(const std::function<absl::Status(Transaction&)>& work) {
    return db->Transact(work);
  }
  MigrationKey Key(MigrationKind kind, const std::string& name, int cluster = 0) const {
    return {uuids[static_cast<std::size_t>(cluster)], kind, name};
  }
  // Makes one of the next revision, with what is left out filled in.
  absl::Status Make(MigrationRecord record) {
    return Do([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(record.config.revision, NextRevision(tx, record.key));
      record.config.sealed_config = "sealed " + std::to_string(record.config.revision);
      record.config.user_name = "eva";
      RETURN_IF_ERROR(InsertRevision(tx, record.key, record.config));
      return SetMigration(tx, record);
    });
  }
  std::optional<MigrationRecord> Find(const MigrationKey& key) {
    return Get(*db, [&](Transaction& tx) { return FindMigration(tx, key); });
  }
  std::vector<std::string> Names(const MigrationFilter& filter) {
    std::vector<std::string> names;
    for (const auto& one : Get(*db, [&](Transaction& tx) { return ListMigrations(tx, filter); })) {
      names.push_back(one.cluster_name + "/" + one.key.name);
    }
    return names;
  }
  std::int64_t Changes() {
    return std::stoll(test::Sql(
        db.dsn(), "SELECT revision FROM cluster_meta WHERE cluster_uuid = '" + uuids[0] + "'"));
  }

  test::TestDatabase db;
  std::vector<std::string> uuids;
};

using Names = std::vector<std::string>;

TEST_CASE("a source comes back as it was stored, and counts as a change of its cluster") {
  Clusters world;
  const auto key = world.Key(MigrationKind::kSource, "s1");
  CHECK_FALSE(world.Find(key).has_value());
  const auto before = world.Changes();
  REQUIRE_OK(world.Make({.key = key, .details_json = R"({"host": "db1"})"}));
  CHECK(world.Changes() > before);
  const auto found = world.Find(key);
  REQUIRE(found.has_value());
  CHECK(found->cluster_name == "c1");
  CHECK(found->config.revision == 1);
  CHECK(found->config.sealed_config == "sealed 1");
  CHECK(found->config.user_name == "eva");
  CHECK(found->config.create_time > absl::FromUnixSeconds(1'700'000'000));
  CHECK(found->wanted == Wanted::kNone);
  CHECK(found->details_json == R"({"host": "db1"})");
  CHECK_FALSE(world.Find(world.Key(MigrationKind::kTask, "s1")).has_value());
  CHECK_FALSE(world.Find(world.Key(MigrationKind::kSource, "s1", 1)).has_value());
}

TEST_CASE("a revision that is not in effect changes nothing, and its number is given once") {
  Clusters world;
  const auto key = world.Key(MigrationKind::kSource, "s1");
  REQUIRE_OK(world.Make({.key = key}));
  REQUIRE_OK(world.Do([&](Transaction& tx) {
    return InsertRevision(tx, key, {.revision = 2, .sealed_config = "two", .user_name = "u"});
  }));
  CHECK(world.Find(key)->config.sealed_config == "sealed 1");
  const auto again = world.Do([&](Transaction& tx) {
    return InsertRevision(tx, key, {.revision = 2, .sealed_config = "other", .user_name = "u"});
  });
  CHECK(again.code() == absl::StatusCode::kAborted);
  CHECK(Reason(again) == "MIGRATION_CHANGED");

  REQUIRE_OK(world.Do([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(DropRevision(tx, key, 1));  // In effect: stays.
    return DropRevision(tx, key, 2);
  }));
  const auto left = Get(*world.db, [&](Transaction& tx) { return ListRevisions(tx, key); });
  REQUIRE(left.size() == 1);
  CHECK(left[0].revision == 1);
  const auto gone =
      world.Do([&](Transaction& tx) -> absl::Status { return GetRevision(tx, key, 2).status(); });
  CHECK(Reason(gone) == "REVISION_NOT_FOUND");
}

TEST_CASE("the newest configurations are kept, and the one in effect however old it is") {
  Clusters world;
  const auto key = world.Key(MigrationKind::kTask, "t1");
  REQUIRE_OK(world.Make({.key = key, .wanted = Wanted::kRunning}));
  REQUIRE_OK(world.Do([&](Transaction& tx) -> absl::Status {
    for (int i = 2; i <= kKeptRevisions + 10; ++i) {
      RETURN_IF_ERROR(
          InsertRevision(tx, key, {.revision = i, .sealed_config = "s", .user_name = "u"}));
    }
    return absl::OkStatus();
  }));
  const auto left = Get(*world.db, [&](Transaction& tx) { return ListRevisions(tx, key); });
  REQUIRE(left.size() == kKeptRevisions + 1);
  CHECK(left.front().revision == kKeptRevisions + 10);
  CHECK(left[kKeptRevisions - 1].revision == 11);
  CHECK(left.back().revision == 1);
}

TEST_CASE("a target that a task names stays, and a task names none that is gone") {
  Clusters world;
  const auto target = world.Key(MigrationKind::kTarget, "prod");
  const auto task = world.Key(MigrationKind::kTask, "t1");
  const MigrationRecord naming{.key = task, .wanted = Wanted::kStopped, .target_name = "prod"};
  CHECK(Reason(world.Make(naming)) == "TARGET_GONE");
  REQUIRE_OK(world.Make({.key = target}));
  REQUIRE_OK(world.Make(naming));
  CHECK(Get(*world.db, [&](Transaction& tx) {
          return ListTasksOfTarget(tx, world.uuids[0], "prod");
        }) == Names{"t1"});
  const auto forget = [&](const MigrationKey& key) {
    return world.Do([&](Transaction& tx) { return ForgetMigration(tx, key); });
  };
  CHECK(Reason(forget(target)) == "TARGET_IN_USE");
  REQUIRE_OK(world.Do([&](Transaction& tx) { return SetWanted(tx, task, Wanted::kPaused); }));
  CHECK(world.Find(task)->wanted == Wanted::kPaused);
  REQUIRE_OK(forget(task));
  REQUIRE_OK(forget(target));
  CHECK(test::Sql(world.db.dsn(), "SELECT count(*) FROM migration_revision") == "0");
}

TEST_CASE("lists are by cluster and name, in pages, of what is seen") {
  Clusters world;
  for (const auto* name : {"b", "a", "B"}) {
    REQUIRE_OK(world.Make({.key = world.Key(MigrationKind::kSource, name)}));
  }
  REQUIRE_OK(world.Make({.key = world.Key(MigrationKind::kSource, "a", 1)}));
  REQUIRE_OK(world.Make({.key = world.Key(MigrationKind::kTarget, "t")}));
  CHECK(world.Names({}) == Names{"c1/B", "c1/a", "c1/b", "c2/a"});
  CHECK(world.Names({.cluster_name = "c2"}) == Names{"c2/a"});
  CHECK(world.Names({.seen = std::set<std::string>{"c2", "c3"}}) == Names{"c2/a"});
  CHECK(world.Names({.seen = std::set<std::string>{}}).empty());
  CHECK(world.Names({.limit = 2}) == Names{"c1/B", "c1/a"});
  CHECK(world.Names({.after = {"c1", "a"}, .limit = 2}) == Names{"c1/b", "c2/a"});
  CHECK(world.Names({.kind = MigrationKind::kTarget}) == Names{"c1/t"});
}

TEST_CASE("what is migrated goes with its cluster, and is there after a restore") {
  Clusters world;
  REQUIRE_OK(world.Make({.key = world.Key(MigrationKind::kTarget, "prod")}));
  REQUIRE_OK(world.Make({.key = world.Key(MigrationKind::kTask, "t1"),
                         .wanted = Wanted::kRunning,
                         .target_name = "prod"}));
  REQUIRE_OK(
      world.Make({.key = world.Key(MigrationKind::kTask, "t1", 1), .wanted = Wanted::kRunning}));
  REQUIRE_OK(world.Do([](Transaction& tx) { return AfterRestore(tx).status(); }));
  CHECK(world.Find(world.Key(MigrationKind::kTask, "t1"))->config.sealed_config == "sealed 1");
  test::Sql(world.db.dsn(), "DELETE FROM cluster_meta WHERE cluster_name = 'c1'");
  CHECK(world.Names({.kind = MigrationKind::kTask}) == Names{"c2/t1"});
  CHECK(test::Sql(world.db.dsn(), "SELECT count(*) FROM migration_revision") == "1");
}

}  // namespace
}  // namespace dmgr::store
