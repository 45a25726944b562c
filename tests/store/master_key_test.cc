// A database and the master key that it was sealed with.
#include "server/secrets/master_key.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "common/error.h"
#include "tests/store/samples.h"
#include "tests/support/temp_dir.h"

namespace dmgr::secrets {
namespace {

namespace fs = std::filesystem;

const SealContexts& Contexts() {
  static const SealContexts contexts = {
      .former_credential = [](const std::string& id) { return "machine:" + id; },
      .credential =
          [](const store::MachineRecord& record) { return "at " + record.machine.host(); },
      .cluster_key = [](const std::string& uuid) { return "cluster:" + uuid; },
      .others = {}};
  return contexts;
}

struct Site {
  test::TempDir dir;
  test::TestDatabase db;
  std::string path = dir / "master.key";

  absl::StatusOr<auth::SecretBox> Open() { return OpenMasterKey(&*db, {.path = path}, Contexts()); }
  std::string Sql(const std::string& statement) { return test::Sql(db.dsn(), statement); }
  // As a dmgrd that recorded no key has left it.
  void ForgetRecord() { Sql("DELETE FROM seal_key"); }
  void Insert(const std::string& sealed) {
    auto machine = store::SampleMachine("h1");
    machine.sealed_credential = sealed;
    REQUIRE_OK(
        db->Transact([&](store::Transaction& tx) { return store::InsertMachine(tx, machine); }));
  }
};

void Refuses(const absl::StatusOr<auth::SecretBox>& box, const std::string& reason) {
  CHECK(box.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(box.status()) == reason);
  CHECK(Metadata(box.status(), "remedy").find("put the file back") != std::string::npos);
}

TEST_CASE("the first start makes the master key, and the database knows it from then on") {
  Site site;
  const auto first = site.Open();
  REQUIRE_OK(first.status());
  CHECK(first->Id().size() == 32);
  CHECK(site.Sql("SELECT key_id FROM seal_key") == first->Id());
  const auto again = site.Open();
  REQUIRE_OK(again.status());
  CHECK(again->Id() == first->Id());
}

TEST_CASE("without its master key a database is not served, and no other key is made") {
  Site site;
  {
    const auto box = site.Open();
    REQUIRE_OK(box.status());
    site.Insert(box->Seal("password", "machine:h1"));
  }
  SECTION("with a record of the key") {}
  SECTION("without one") { site.ForgetRecord(); }
  fs::rename(site.path, site.path + ".away");
  Refuses(site.Open(), "KEY_MISSING");
  CHECK_FALSE(fs::exists(site.path));
  fs::rename(site.path + ".away", site.path);
  REQUIRE_OK(site.Open().status());
}

TEST_CASE("another master key than the database's is refused") {
  Site site;
  std::string id;
  {
    const auto box = site.Open();
    REQUIRE_OK(box.status());
    id = box->Id();
    site.Insert(box->Seal("password", "machine:h1"));
  }
  bool recorded = true;
  SECTION("with a record of the key") {}
  SECTION("without one") {
    site.ForgetRecord();
    recorded = false;
  }
  fs::rename(site.path, site.path + ".right");
  REQUIRE_OK(auth::SecretBox::Open(site.path).status());
  const auto refused = site.Open();
  Refuses(refused, "KEY_MISMATCH");
  if (recorded) CHECK(Message(refused.status()).find(id) != std::string::npos);
  fs::rename(site.path + ".right", site.path);
  REQUIRE_OK(site.Open().status());
  CHECK(site.Sql("SELECT key_id FROM seal_key") == id);
}

TEST_CASE("what was sealed for a machine's id is sealed for its address, once") {
  Site site;
  const auto stored = [&] {
    store::MachineRecord record;
    REQUIRE_OK(site.db->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(record, store::GetMachine(tx, "h1"));
      return absl::OkStatus();
    }));
    return record;
  };
  {
    const auto box = site.Open();
    REQUIRE_OK(box.status());
    site.Insert(box->Seal("password", "machine:h1"));
    site.ForgetRecord();
  }
  const auto box = site.Open();
  REQUIRE_OK(box.status());
  const auto bound = stored();
  CHECK(box->Open(bound.sealed_credential, "at h1.example").value_or("") == "password");
  CHECK_FALSE(box->Open(bound.sealed_credential, "machine:h1").ok());
  // Whoever can write to the database brings an old value back, and another address.
  auto moved = bound;
  moved.machine.set_host("evil.example");
  moved.sealed_credential = box->Seal("password", "machine:h1");
  REQUIRE_OK(
      site.db->Transact([&](store::Transaction& tx) { return store::UpdateMachine(tx, moved); }));
  REQUIRE_OK(site.Open().status());
  CHECK_FALSE(box->Open(stored().sealed_credential, "at evil.example").ok());
}

TEST_CASE("a canary that the key does not open is a mismatch") {
  Site site;
  REQUIRE_OK(site.Open().status());
  site.Sql("UPDATE seal_key SET canary = 'x'");
  Refuses(site.Open(), "KEY_MISMATCH");
}

TEST_CASE("of several with key files of their own that start at once one makes a key") {
  Site site;
  constexpr std::size_t kReplicas = 6;
  std::vector<absl::Status> results(kReplicas);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kReplicas; ++i) {
    threads.emplace_back([&, i] {
      results[i] =
          OpenMasterKey(&*site.db, {.path = site.path + std::to_string(i)}, Contexts()).status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::size_t made = 0;
  for (std::size_t i = 0; i < kReplicas; ++i) {
    CHECK(fs::exists(site.path + std::to_string(i)) == results[i].ok());
    if (results[i].ok())
      ++made;
    else
      CHECK(Reason(results[i]) == "KEY_MISSING");
  }
  CHECK(made == 1);
}

TEST_CASE("of several that share the key file all start") {
  Site site;
  std::vector<std::string> ids(6);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&] {
      const auto box = site.Open();
      if (box.ok()) id = box->Id();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::set<std::string>(ids.begin(), ids.end()) ==
        std::set<std::string>{site.Sql("SELECT key_id FROM seal_key")});
}

}  // namespace
}  // namespace dmgr::secrets
