// Another name for a cluster.
#include <string>
#include <vector>

#include "server/store/behind_store.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

topology::Cluster Renamed(const std::string& name) {
  topology::Cluster cluster;
  cluster.name = name;
  cluster.former_names = {"c1"};
  return cluster;
}

absl::Status InsertSample(Database& db, const std::string& name, int port) {
  return db.Transact([&](Transaction& tx) {
    return InsertCluster(tx, SampleCluster(name, port), {{"h1", "id-h1"}});
  });
}

TEST_CASE("what belongs to a cluster goes with its name, operations keep the old one") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(InsertSample(*db, "c1", 8261));
  const std::string operation = InsertOne(*db, "c1");
  v1::SkippedMachine skipped;
  skipped.set_machine_id("h1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertHostRecord(tx, "c1", {"h1", "{}"}));
    return InsertBehind(tx, "c1", operation, skipped);
  }));
  const auto before = Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); });
  REQUIRE_OK(db->Transact([](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(LockCluster(tx, "c1"));
    RETURN_IF_ERROR(RenameCluster(tx, "c1", Renamed("orders")));
    return SetNeedsReload(tx, "orders", {"dm-h1-8261"});
  }));
  CHECK(absl::IsNotFound(db->Read([](Transaction& tx) { return GetCluster(tx, "c1").status(); })));
  const auto after = Get(*db, [](Transaction& tx) { return GetCluster(tx, "orders"); });
  CHECK(after.cluster.uuid == before.cluster.uuid);
  CHECK(before.cluster.former_names.empty());
  CHECK(after.cluster.former_names == std::vector<std::string>{"c1"});
  CHECK(after.cluster.instances.size() == before.cluster.instances.size());
  CHECK(after.behind.size() == 1);
  CHECK(after.needs_reload == std::vector<std::string>{"dm-h1-8261"});
  CHECK(after.revision > before.revision);
  CHECK(Get(*db, [](Transaction& tx) { return ListHostRecords(tx, "orders"); }).size() == 1);
  CHECK(test::Sql(db.dsn(), "SELECT DISTINCT cluster_name FROM instance_port") == "orders");
  CHECK(Operation(*db, operation).operation.cluster_name() == "c1");
  // The name that is free again may be taken, and whoever read the cluster by it comes too late.
  ClusterRecord other = SampleCluster("c2", 9261);
  other.cluster.name = "c1";
  REQUIRE_OK(db->Transact([&](Transaction& tx) {
    return InsertCluster(tx, other, {{"h1", "id-h1"}});
  }));
  CHECK(Reason(db->Transact([&](Transaction& tx) { return LockUnchanged(tx, before); })) ==
        "CLUSTER_CHANGED");
}

TEST_CASE("a cluster does not get the name of another one") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(InsertSample(*db, "c1", 8261));
  REQUIRE_OK(InsertSample(*db, "c2", 9261));
  for (const char* name : {"c1", "c2"}) {
    CHECK(Reason(db->Transact([&](Transaction& tx) {
            return RenameCluster(tx, "c1", Renamed(name));
          })) == "CLUSTER_EXISTS");
  }
}

}  // namespace
}  // namespace dmgr::store
