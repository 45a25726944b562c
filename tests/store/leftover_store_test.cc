// What was left on machines.
#include "server/store/leftover_store.h"

#include <catch2/catch.hpp>

#include "common/error.h"
#include "common/ids.h"
#include "server/store/machine_store.h"
#include "tests/store/samples.h"
#include "tests/support/postgres.h"

namespace dmgr::store {
namespace {

LeftoverRecord SampleLeftover(const std::string& cluster) {
  LeftoverRecord record;
  record.machine_id = "h1";
  record.cluster_name = cluster;
  record.cluster_uuid = NewUuid();
  record.operation_id = NewUuid();
  auto* instance = record.removal.add_instances();
  instance->set_name("worker-1");
  instance->set_unit("dm-worker-8262.service");
  record.removal.add_dirs("/dm/" + cluster);
  record.removal.set_leaves(true);
  return record;
}

std::vector<LeftoverRecord> On(Database& database, const std::string& machine) {
  return Get(database, [&](Transaction& tx) { return ListLeftoversOn(tx, machine); });
}

TEST_CASE("what was left on a machine comes back as it was stored, once") {
  test::TestDatabase db;
  InsertBasics(*db);
  const LeftoverRecord record = SampleLeftover("c1");
  for (int i = 0; i < 2; ++i) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertLeftover(tx, record); }));
  }
  const auto stored = On(*db, "h1");
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].host_identity == "id-h1");
  CHECK(stored[0].cluster_name == "c1");
  CHECK(stored[0].cluster_uuid == record.cluster_uuid);
  CHECK(stored[0].operation_id == record.operation_id);
  CHECK(stored[0].removal.SerializeAsString() == record.removal.SerializeAsString());
  CHECK(On(*db, "h2").empty());
  CHECK(Get(*db, [](Transaction& tx) { return ListLeftovers(tx); }).size() == 1);

  REQUIRE_OK(
      db->Transact([&](Transaction& tx) { return DeleteLeftover(tx, stored[0].leftover_id); }));
  CHECK(On(*db, "h1").empty());
}

TEST_CASE("what one cluster left goes without what another one left") {
  test::TestDatabase db;
  InsertBasics(*db);
  const LeftoverRecord first = SampleLeftover("c1");
  const LeftoverRecord second = SampleLeftover("c1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertLeftover(tx, first));
    RETURN_IF_ERROR(InsertLeftover(tx, second));
    return DeleteLeftovers(tx, "h1", first.cluster_uuid);
  }));
  REQUIRE(On(*db, "h1").size() == 1);
  CHECK(On(*db, "h1")[0].cluster_uuid == second.cluster_uuid);
}

TEST_CASE("a machine with something left on it is removed by force only") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(
      db->Transact([](Transaction& tx) { return InsertLeftover(tx, SampleLeftover("c1")); }));
  const absl::Status refused =
      db->Transact([](Transaction& tx) { return DeleteMachine(tx, "h1"); });
  CHECK(Reason(refused) == "MACHINE_HAS_LEFTOVERS");
  CHECK(Metadata(refused, "clusters") == "c1");
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeleteMachine(tx, "h1", /*force=*/true); }));
  CHECK(On(*db, "h1").empty());
}

TEST_CASE("an epoch is newer than those before") {
  test::TestDatabase db;
  const auto next = [&] { return Get(*db, [](Transaction& tx) { return NextEpoch(tx); }); };
  const std::uint64_t first = next();
  CHECK(next() > first);
}

}  // namespace
}  // namespace dmgr::store
