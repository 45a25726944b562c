#include "server/store/borrowed_store.h"

#include <string>

#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

topology::Instance Exporter(const std::string& name) {
  topology::Instance exporter;
  exporter.name = name;
  exporter.component = topology::Component::kNodeExporter;
  exporter.machine_id = "h1";
  exporter.host = exporter.manage_host = "h1.example";
  exporter.port = 9100;
  exporter.deploy_dir = "/dm/monitor/" + name;
  return exporter;
}

// Cluster c1 has the exporter "own", c2 and c3 borrow it as "theirs".
struct Lent {
  test::TestDatabase db;

  Lent() {
    InsertBasics(*db);
    ClusterRecord owner = SampleCluster("c1", 8261);
    owner.cluster.instances.push_back(Exporter("own"));
    Put(owner);
    Settle("c1");
    for (const char* name : {"c2", "c3"}) {
      ClusterRecord other = SampleCluster(name, name[1] == '2' ? 8361 : 8461);
      other.cluster.borrowed = {Exporter("theirs")};
      Put(other);
    }
  }
  void Put(const ClusterRecord& record) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) {
      return InsertCluster(tx, record, {{"h1", "id-h1"}});
    }));
  }
  // Deployed, with a record of the host.
  void Settle(const std::string& cluster) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(SetClusterState(tx, cluster, v1::CLUSTER_STATE_UP));
      return PutHostRecord(tx, cluster, {"h1", "{}"});
    }));
  }
  std::vector<Heir> Heirs(const std::string& cluster) {
    return Get(*db, [&](Transaction& tx) { return ListHeirs(tx, cluster); });
  }
  ClusterRecord Record(const std::string& cluster) {
    return Get(*db, [&](Transaction& tx) { return GetCluster(tx, cluster); });
  }
};

TEST_CASE("what a cluster borrows comes back with it") {
  Lent lent;
  const ClusterRecord record = lent.Record("c2");
  CHECK(record.cluster.instances.size() == 1);
  REQUIRE(record.cluster.borrowed.size() == 1);
  const topology::Instance& one = record.cluster.borrowed[0];
  CHECK(one.name == "theirs");
  CHECK(one.NodeId() == "h1.example:9100");
  CHECK(one.component == topology::Component::kNodeExporter);
  CHECK(one.machine_id == "h1");
  CHECK(lent.Record("c1").cluster.borrowed.empty());
  const auto revision = record.revision;
  REQUIRE_OK(
      lent.db->Transact([](Transaction& tx) { return DeleteBorrowed(tx, "c2", {"theirs"}); }));
  CHECK(lent.Record("c2").cluster.borrowed.empty());
  CHECK(lent.Record("c2").revision > revision);
}

TEST_CASE("only what another cluster has can be borrowed") {
  Lent lent;
  ClusterRecord other = SampleCluster("c4", 8561);
  other.cluster.borrowed = {Exporter("theirs")};
  other.cluster.borrowed[0].port = 9200;
  const absl::Status status = lent.db->Transact([&](Transaction& tx) {
    return InsertCluster(tx, other, {{"h1", "id-h1"}});
  });
  CHECK(absl::IsAborted(status));
  // Nor of one that is about to come or to go.
  other.cluster.borrowed[0].port = 9100;
  for (const auto state : {v1::CLUSTER_STATE_DEPLOYING, v1::CLUSTER_STATE_DESTROYING}) {
    REQUIRE_OK(
        lent.db->Transact([&](Transaction& tx) { return SetClusterState(tx, "c1", state); }));
    CHECK(absl::IsAborted(lent.db->Transact([&](Transaction& tx) {
      return InsertCluster(tx, other, {{"h1", "id-h1"}});
    })));
  }
}

TEST_CASE("an heir is a deployed cluster that stays, one for each exporter") {
  Lent lent;
  // Neither has looked at the host yet.
  CHECK(lent.Heirs("c1").empty());
  lent.Settle("c3");
  REQUIRE(lent.Heirs("c1").size() == 1);
  CHECK(lent.Heirs("c1")[0].cluster == "c3");
  lent.Settle("c2");
  REQUIRE(lent.Heirs("c1").size() == 1);
  const Heir heir = lent.Heirs("c1")[0];
  CHECK(heir.cluster == "c2");
  CHECK(heir.lent == "own");
  CHECK(heir.instance.name == "theirs");
  CHECK(heir.cluster_uuid == lent.Record("c2").cluster.uuid);
  CHECK(lent.Heirs("c2").empty());
  REQUIRE_OK(lent.db->Transact(
      [](Transaction& tx) { return SetClusterState(tx, "c2", v1::CLUSTER_STATE_DESTROYING); }));
  CHECK(lent.Heirs("c1")[0].cluster == "c3");
}

TEST_CASE("what is inherited is an instance like any other, with its ports and directories") {
  Lent lent;
  lent.Settle("c2");
  lent.Settle("c3");
  const Heir heir = lent.Heirs("c1")[0];
  const auto inherit = [&] {
    return lent.db->Transact([&](Transaction& tx) {
      return Inherit(tx, "c1", heir, {"h1", R"({"absent": ["/dm/monitor"]})"});
    });
  };
  REQUIRE_OK(inherit());
  CHECK(lent.Record("c1").cluster.instances.size() == 1);
  const ClusterRecord now = lent.Record("c2");
  CHECK(now.cluster.borrowed.empty());
  REQUIRE(now.cluster.instances.size() == 2);
  const topology::Instance& one = now.cluster.instances[1];
  CHECK(one.name == "theirs");
  CHECK(one.deploy_dir == "/dm/monitor/own");
  CHECK(one.membership == topology::Membership::kJoined);
  CHECK(Sql(lent.db.dsn(), "SELECT cluster_name FROM instance_port WHERE port = 9100") == "c2");
  CHECK(Get(*lent.db, [](Transaction& tx) { return ListHostRecords(tx, "c2"); })[0].before_json ==
        R"({"absent": ["/dm/monitor"]})");
  // The next in line is the heir's now.
  REQUIRE(lent.Heirs("c2").size() == 1);
  CHECK(lent.Heirs("c2")[0].cluster == "c3");
  // It has gone already.
  CHECK(absl::IsAborted(inherit()));
}

}  // namespace
}  // namespace dmgr::store
