#include "server/store/user_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using Call = std::function<absl::Status(Transaction&)>;

constexpr char kHash[] = "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA";

TEST_CASE("a machine comes back as it was stored") {
  test::TestDatabase db;
  const MachineRecord record = SampleMachine("h1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertMachine(tx, record); }));
  const MachineRecord stored = Get(*db, [](Transaction& tx) { return GetMachine(tx, "h1"); });
  CHECK(stored.machine.host() == "h1.example");
  CHECK(stored.machine.ssh_port() == 22);
  CHECK(stored.machine.user() == "root");
  CHECK(stored.machine.privilege() == v1::PRIVILEGE_SUDO_PASSWORD);
  CHECK(stored.machine.credential_kind() == v1::CREDENTIAL_KIND_PRIVATE_KEY);
  CHECK(stored.machine.facts().memory_bytes() == 1ULL << 40);
  CHECK(stored.machine.far_end_dir() == "/var/lib/dmgr");
  CHECK(stored.machine.has_create_time());
  CHECK_FALSE(stored.machine.etag().empty());
  CHECK(stored.host_key == record.host_key);
  CHECK(stored.sealed_credential == record.sealed_credential);
}

TEST_CASE("no machine twice: by id, by address, by identity") {
  test::TestDatabase db;
  REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertMachine(tx, SampleMachine("h1")); }));
  MachineRecord other = SampleMachine("h2");
  std::string reason = "MACHINE_EXISTS";
  SECTION("id") { other.machine.set_machine_id("h1"); }
  SECTION("address") { other.machine.set_host("h1.example"); }
  SECTION("identity") {
    other.machine.mutable_facts()->set_machine_identity("id-h1");
    other.host_key = "ssh-ed25519 a-clone";
    reason = "MACHINE_IDENTITY_TAKEN";
  }
  const absl::Status status =
      db->Transact([&](Transaction& tx) { return InsertMachine(tx, other); });
  CHECK(status.code() == absl::StatusCode::kAlreadyExists);
  CHECK(Reason(status) == reason);
  CHECK(Metadata(status, "machine_id") == "h1");
}

TEST_CASE("one host has two addresses when it shows the same key at both") {
  test::TestDatabase db;
  MachineRecord other = SampleMachine("h2");
  other.machine.mutable_facts()->set_machine_identity("id-h1");
  other.host_key = SampleMachine("h1").host_key;
  REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertMachine(tx, SampleMachine("h1")); }));
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertMachine(tx, other); }));
}

// Machine `id`, reached through `via`.
absl::Status InsertBehind(Database& db, const std::string& id, const std::string& via) {
  MachineRecord record = SampleMachine(id);
  record.machine.set_via(via);
  return db.Transact([&](Transaction& tx) { return InsertMachine(tx, record); });
}

TEST_CASE("machines are reached through others, a few in a row and in no circle") {
  test::TestDatabase db;
  REQUIRE_OK(InsertBehind(*db, "h1", ""));
  REQUIRE_OK(InsertBehind(*db, "h2", "h1"));
  REQUIRE_OK(InsertBehind(*db, "h3", "h2"));
  REQUIRE_OK(InsertBehind(*db, "h4", "h3"));
  std::string way;
  for (const auto& jump : Get(*db, [](Transaction& tx) { return ListJumps(tx, "h3"); })) {
    way += jump.machine.machine_id() + " ";
  }
  CHECK(way == "h1 h2 h3 ");
  CHECK(Reason(InsertBehind(*db, "h5", "h4")) == "JUMPS_INVALID");
  CHECK(Reason(InsertBehind(*db, "h5", "none")) == "MACHINE_NOT_FOUND");
  CHECK(Reason(InsertBehind(*db, "h5", "h5")) == "MACHINE_NOT_FOUND");

  const auto move = [&](const std::string& id, const std::string& via) {
    return db->Transact([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(MachineRecord record, GetMachine(tx, id));
      record.machine.set_via(via);
      return UpdateMachine(tx, record);
    });
  };
  for (const char* behind : {"h1", "h2", "h4"}) {
    CHECK(Reason(move("h1", behind)) == "JUMPS_INVALID");
  }
  // It would be the fourth for h4.
  REQUIRE_OK(InsertBehind(*db, "h0", ""));
  CHECK(Reason(move("h1", "h0")) == "JUMPS_INVALID");
  REQUIRE_OK(move("h4", "h1"));
  REQUIRE_OK(move("h1", "h0"));

  const auto remove = [&](const std::string& id) {
    return db->Transact([&](Transaction& tx) { return DeleteMachine(tx, id, /*force=*/true); });
  };
  const absl::Status kept = remove("h1");
  CHECK(Reason(kept) == "MACHINE_IS_JUMP_HOST");
  CHECK(Metadata(kept, "machines") == "h2, h4");
  REQUIRE_OK(move("h2", ""));
  REQUIRE_OK(move("h4", ""));
  REQUIRE_OK(remove("h1"));
}

TEST_CASE("machines without an identity do not stand in each other's way") {
  test::TestDatabase db;
  for (const char* id : {"h1", "h2"}) {
    MachineRecord record = SampleMachine(id);
    record.machine.mutable_facts()->clear_machine_identity();
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertMachine(tx, record); }));
  }
}

TEST_CASE("updates of a machine: etag, conflicts") {
  test::TestDatabase db;
  for (const char* id : {"h1", "h2"}) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertMachine(tx, SampleMachine(id)); }));
  }
  const auto update = [&](const MachineRecord& record) {
    return db->Transact([&](Transaction& tx) { return UpdateMachine(tx, record); });
  };
  MachineRecord record = Get(*db, [](Transaction& tx) { return GetMachine(tx, "h1"); });
  const std::string etag = record.machine.etag();
  record.machine.set_user("deploy");
  REQUIRE_OK(update(record));
  const MachineRecord changed = Get(*db, [](Transaction& tx) { return GetMachine(tx, "h1"); });
  CHECK(changed.machine.user() == "deploy");
  CHECK(changed.machine.etag() != etag);
  const absl::Status stale = update(record);
  CHECK(stale.code() == absl::StatusCode::kAborted);
  CHECK(Reason(stale) == "ETAG_MISMATCH");
  record.machine.clear_etag();
  REQUIRE_OK(update(record));
  record.machine.set_host("h2.example");
  CHECK(update(record).code() == absl::StatusCode::kAlreadyExists);
  CHECK(update(SampleMachine("h3")).code() == absl::StatusCode::kNotFound);
}

TEST_CASE("lists of machines and packages go by pages") {
  test::TestDatabase db;
  for (const char* id : {"b", "a", "C"}) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(InsertMachine(tx, SampleMachine(id)));
      return InsertPackage(tx, SamplePackage(id));
    }));
  }
  const auto machines = Get(*db, [](Transaction& tx) { return ListMachines(tx, "C", 5); });
  REQUIRE(machines.size() == 2);
  CHECK(machines[0].machine.machine_id() == "a");
  CHECK(machines[1].machine.machine_id() == "b");
  const auto packages = Get(*db, [](Transaction& tx) { return ListPackages(tx, "", 2); });
  REQUIRE(packages.size() == 2);
  CHECK(packages[0].version() == "C");
  CHECK(packages[1].version() == "a");
}

TEST_CASE("a package that an upgrade goes to stays") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(
      db->Transact([](Transaction& tx) { return InsertPackage(tx, SamplePackage("v7.5.2")); }));
  REQUIRE_OK(db->Transact([](Transaction& tx) {
    return InsertCluster(tx, SampleCluster("c1", 8261), {{"h1", "id-h1"}});
  }));
  OperationRecord upgrade = SampleOperation("c1");
  upgrade.steps[1].payload_json = R"({"from": "v7.5.1", "to": "v7.5.2"})";
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, upgrade, false); }));
  const auto refused = db->Transact([](Transaction& tx) { return DeletePackage(tx, "v7.5.2"); });
  CHECK(Reason(refused) == "PACKAGE_IN_USE");
  CHECK(Metadata(refused, "clusters") == "c1");
}

TEST_CASE("a package comes back as it was stored") {
  test::TestDatabase db;
  const v1::Package package = SamplePackage("v7.5.1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertPackage(tx, package); }));
  v1::Package stored = Get(*db, [](Transaction& tx) { return GetPackage(tx, "v7.5.1"); });
  CHECK(stored.has_create_time());
  stored.clear_create_time();
  CHECK(stored.SerializeAsString() == package.SerializeAsString());
  const absl::Status again =
      db->Transact([&](Transaction& tx) { return InsertPackage(tx, package); });
  CHECK(again.code() == absl::StatusCode::kAlreadyExists);
  const absl::Status unknown =
      db->Transact([](Transaction& tx) { return DeletePackage(tx, "v0"); });
  CHECK(Reason(unknown) == "PACKAGE_NOT_FOUND");
}

TEST_CASE("users") {
  test::TestDatabase db;
  CHECK(Get(*db, [](Transaction& tx) { return CountUsers(tx); }) == 0);
  REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertUser(tx, SampleUser("alice")); }));
  CHECK(Get(*db, [](Transaction& tx) { return CountUsers(tx); }) == 1);
  const UserRecord stored = Get(*db, [](Transaction& tx) { return GetUser(tx, "alice"); });
  CHECK(stored.user.role() == v1::ROLE_OPERATOR);
  CHECK(stored.user.has_create_time());
  CHECK(stored.password_hash == kHash);
  const absl::Status again =
      db->Transact([](Transaction& tx) { return InsertUser(tx, SampleUser("alice")); });
  CHECK(Reason(again) == "USER_EXISTS");
  const std::string other = std::string(kHash) + "2";
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return SetPasswordHash(tx, "alice", other); }));
  CHECK(Get(*db, [](Transaction& tx) { return GetUser(tx, "alice"); }).password_hash == other);
  const absl::Status unknown =
      db->Transact([&](Transaction& tx) { return SetPasswordHash(tx, "bob", other); });
  CHECK(Reason(unknown) == "USER_NOT_FOUND");
  // No password goes into the table as it is.
  CHECK_FALSE(
      db->Transact([](Transaction& tx) { return SetPasswordHash(tx, "alice", "secret"); }).ok());
}

TEST_CASE("the one-time secret") {
  test::TestDatabase db;
  const auto get = [&] { return Get(*db, [](Transaction& tx) { return GetBootstrapHash(tx); }); };
  const auto set = [&](const std::optional<std::string>& hash) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) { return SetBootstrapHash(tx, hash); }));
  };
  CHECK_FALSE(get().has_value());
  set("one");
  set("two");
  CHECK(get() == "two");
  set(std::nullopt);
  CHECK_FALSE(get().has_value());
}

}  // namespace
}  // namespace dmgr::store
