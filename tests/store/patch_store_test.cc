// Patches, and who uses them.
#include "server/store/patch_store.h"

#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

v1::Patch SamplePatch(char digit) {
  v1::Patch patch;
  patch.set_patch_id(std::string(64, digit));
  patch.set_file_name("dm-master-fix");
  patch.set_size_bytes(10);
  patch.set_sha256(std::string(64, 'a'));
  patch.set_arch("amd64");
  patch.mutable_release()->set_component("dm-master");
  patch.mutable_release()->set_release_hash(patch.patch_id());
  patch.mutable_release()->add_files()->set_path("bin/dm-master");
  return patch;
}

struct World {
  test::TestDatabase db;
  const std::string a = SamplePatch('a').patch_id();
  const std::string b = SamplePatch('b').patch_id();
  std::string instance;

  World() {
    InsertBasics(*db);
    const ClusterRecord record = SampleCluster("c1", 8261);
    instance = record.cluster.instances[0].name;
    Must([&](Transaction& tx) { return InsertCluster(tx, record, {{"h1", "id-h1"}}); });
    Must([&](Transaction& tx) { return InsertPatch(tx, SamplePatch('a')); });
    Must([&](Transaction& tx) { return InsertPatch(tx, SamplePatch('b')); });
  }
  void Must(const std::function<absl::Status(Transaction&)>& work) {
    REQUIRE_OK(db->Transact(work));
  }
  void Set(const std::string& patch) {
    Must([&](Transaction& tx) { return SetInstancePatch(tx, "c1", instance, patch); });
  }
  ClusterRecord Now() {
    return Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); });
  }
  std::set<std::string> Free(const std::string& ending = "") {
    Must([&](Transaction& tx) { return FreePatches(tx, ending); });
    return Get(*db, [](Transaction& tx) { return ListPatchIds(tx); });
  }
};

TEST_CASE("a patch comes back as it was stored") {
  World world;
  const v1::Patch stored = Get(*world.db, [&](Transaction& tx) { return GetPatch(tx, world.a); });
  CHECK(stored.release().files(0).path() == "bin/dm-master");
  CHECK(stored.file_name() == "dm-master-fix");
  CHECK(stored.has_create_time());
  CHECK(absl::IsNotFound(world.db->Transact(
      [](Transaction& tx) { return GetPatch(tx, std::string(64, 'c')).status(); })));
  const auto found = Get(
      *world.db, [](Transaction& tx) { return FindPatch(tx, std::string(64, 'a'), "dm-master"); });
  REQUIRE(found.has_value());
  const auto other = Get(
      *world.db, [](Transaction& tx) { return FindPatch(tx, std::string(64, 'a'), "dm-worker"); });
  CHECK_FALSE(other.has_value());
}

TEST_CASE("an instance is patched, and what it was before comes back") {
  World world;
  const auto hotfix = [&] { return world.Now().hotfixes[0].second; };
  test::Sql(world.db.dsn(), "UPDATE cluster_topology SET hotfix = 'Reload'");
  world.Set(world.a);
  CHECK(hotfix() == v1::HOTFIX_PATCHED);
  CHECK(world.Now().cluster.instances[0].patch == world.a);
  world.Set(world.b);
  world.Set(world.b);
  CHECK(world.Now().cluster.instances[0].patch == world.b);
  world.Set("");
  CHECK(hotfix() == v1::HOTFIX_RELOAD);
  CHECK(world.Now().cluster.instances[0].patch.empty());
  world.Set("");
  CHECK(hotfix() == v1::HOTFIX_RELOAD);
}

TEST_CASE("a reload of a patched instance leaves it patched") {
  World world;
  world.Set(world.a);
  test::Sql(world.db.dsn(), "UPDATE cluster_topology SET hotfix = 'Reload'");
  CHECK(world.Now().hotfixes[0].second == v1::HOTFIX_PATCHED);
  world.Set("");
  CHECK(world.Now().hotfixes[0].second == v1::HOTFIX_RELOAD);
}

TEST_CASE("new instances get the patch that is kept for their component") {
  World world;
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-master", world.a); });
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-worker", world.b); });
  CHECK(world.Now().cluster.instances[0].patch.empty());
  world.Must([&](Transaction& tx) { return AdoptRolePatches(tx, "c1", {world.instance}); });
  CHECK(world.Now().cluster.instances[0].patch == world.a);
  CHECK(world.Now().hotfixes[0].second == v1::HOTFIX_PATCHED);
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-worker", ""); });
  const RolePatches roles =
      Get(*world.db, [](Transaction& tx) { return ListRolePatches(tx, "c1"); });
  CHECK(roles == RolePatches{{"dm-master", world.a}});
}

TEST_CASE("a patch goes when nobody uses it any more") {
  World world;
  // Both were uploaded just now.
  CHECK(world.Free().size() == 2);
  world.Must([&](Transaction& tx) { return HoldPatch(tx, world.a); });
  world.Set(world.a);
  CHECK(world.Free().size() == 2);
  world.Set("");
  CHECK(world.Free() == std::set<std::string>{world.b});
  CHECK(absl::IsNotFound(
      world.db->Transact([&](Transaction& tx) { return HoldPatch(tx, world.a); })));
  // One that was never used, a day later.
  test::Sql(world.db.dsn(), "UPDATE patch SET create_time = create_time - interval '25 hours'");
  CHECK(world.Free().empty());
}

TEST_CASE("a patch stays while an operation that names it holds its cluster") {
  World world;
  OperationRecord operation = SampleOperation("c1");
  operation.steps[0].payload_json = R"({"from": ")" + world.a + R"(", "to": ""})";
  world.Must([&](Transaction& tx) { return HoldPatch(tx, world.a); });
  world.Must([&](Transaction& tx) { return InsertOperation(tx, operation, false); });
  CHECK(world.Free().contains(world.a));
  CHECK_FALSE(world.Free(operation.operation.operation_id()).contains(world.a));
}

TEST_CASE("a destroyed cluster lets go of its patches") {
  World world;
  world.Must([&](Transaction& tx) { return HoldPatch(tx, world.a); });
  world.Set(world.a);
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-master", world.a); });
  world.Must([](Transaction& tx) { return DeleteCluster(tx, "c1"); });
  CHECK(world.Free() == std::set<std::string>{world.b});
}

}  // namespace
}  // namespace dmgr::store
