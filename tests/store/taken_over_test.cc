// Clusters of another tool, before and after dmgr has taken their files over.
#include <string>
#include <vector>

#include "server/store/cluster_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

TEST_CASE("where a cluster was taken over, its user is known") {
  test::TestDatabase db;
  InsertBasics(*db);
  ClusterRecord record = SampleCluster("c1", 8261);
  record.origin = v1::CLUSTER_ORIGIN_TIUP;
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertCluster(tx, record, {{"h1", "id-h1"}}));
    return InsertHostRecord(tx, "c1", {"h1", "{}"});
  }));
  const auto users = [&](const std::string& machine) {
    return Get(*db, [&](Transaction& tx) { return ListTakenOverUsers(tx, machine); });
  };
  const auto read = [&] { return Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); }); };
  CHECK(users("h1").empty());
  CHECK(read().cluster.instances[0].tiup_shape);

  REQUIRE_OK(db->Transact([](Transaction& tx) {
    return SetClusterOrigin(tx, "c1", v1::CLUSTER_ORIGIN_TAKEN_OVER);
  }));
  CHECK(users("h1") == std::vector<std::string>{"tidb"});
  CHECK(users("h2").empty());
  CHECK(read().origin == v1::CLUSTER_ORIGIN_TAKEN_OVER);
  CHECK(read().cluster.instances[0].tiup_shape);

  CHECK(absl::IsNotFound(db->Transact([](Transaction& tx) {
    return SetClusterOrigin(tx, "c2", v1::CLUSTER_ORIGIN_TAKEN_OVER);
  })));
}

}  // namespace
}  // namespace dmgr::store
