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
  patch.mutable_release()->set_component(v1::COMPONENT_DM_MASTER);
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

TEST_CASE("an instance is patched, patched anew and as it was") {
  World world;
  world.Set(world.a);
  CHECK(world.Now().cluster.instances[0].patch == world.a);
  world.Set(world.b);
  world.Set(world.b);
  CHECK(world.Now().cluster.instances[0].patch == world.b);
  world.Set("");
  CHECK(world.Now().cluster.instances[0].patch.empty());
  world.Set("");
  CHECK(world.Now().cluster.instances[0].patch.empty());
}

TEST_CASE("patches are listed by their ids, page by page, with the clusters that use them") {
  World world;
  world.Set(world.b);
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-master", world.b); });
  const auto page = [&](const std::string& after) {
    return Get(*world.db, [&](Transaction& tx) { return ListPatches(tx, after, 1); });
  };
  const auto first = page("");
  REQUIRE(first.size() == 1);
  const auto second = page(first[0].patch_id());
  REQUIRE(second.size() == 1);
  CHECK(first[0].patch_id() < second[0].patch_id());
  CHECK(page(second[0].patch_id()).empty());
  for (const auto& patch : {first[0], second[0]}) {
    CHECK(patch.cluster_names_size() == (patch.patch_id() == world.b ? 1 : 0));
  }
}

TEST_CASE("a patch that is used is not deleted, one that is not is") {
  World world;
  world.Set(world.a);
  const auto remove = [&](const std::string& id) {
    return world.db->Transact([&](Transaction& tx) { return DeletePatch(tx, id); });
  };
  const absl::Status refused = remove(world.a);
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(Reason(refused) == "PATCH_IN_USE");
  CHECK(Metadata(refused, "clusters") == "c1");
  world.Set("");
  CHECK(remove(world.a).ok());
  CHECK(absl::IsNotFound(remove(world.a)));
}

TEST_CASE("new instances get the patch that is kept for their component") {
  World world;
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-master", world.a); });
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-worker", world.b); });
  CHECK(world.Now().cluster.instances[0].patch.empty());
  world.Must([&](Transaction& tx) { return AdoptRolePatches(tx, "c1", {world.instance}); });
  CHECK(world.Now().cluster.instances[0].patch == world.a);
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-worker", ""); });
  const RolePatches roles =
      Get(*world.db, [](Transaction& tx) { return ListRolePatches(tx, "c1"); });
  CHECK(roles == RolePatches{{"dm-master", world.a}});
}

TEST_CASE("a kept patch is not for instances on hosts of another architecture") {
  World world;
  world.Must([&](Transaction& tx) { return SetRolePatch(tx, "c1", "dm-master", world.a); });
  world.Must([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto machine, GetMachine(tx, "h1"));
    machine.machine.mutable_facts()->set_arch("arm64");
    return UpdateMachine(tx, machine);
  });
  CHECK(world.Now().cluster.instances[0].arch == "arm64");
  world.Must([&](Transaction& tx) { return AdoptRolePatches(tx, "c1", {world.instance}); });
  CHECK(world.Now().cluster.instances[0].patch.empty());
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
