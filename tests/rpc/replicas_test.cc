// Two dmgrd of one database that share a warehouse.
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "server/objects/folder_store.h"
#include "server/resources/resources.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/warehouse.h"
#include "tests/rpc/fixture.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/support.h"

namespace dmgr::testing {
namespace {

// A package as it must be, with the templates that dmgr ships.
std::string ReplicaPackage() {
  package::Tree tree = package::GoodTree();
  for (auto& [path, content] : tree) {
    if (path.rfind("template/", 0) == 0) {
      content = package::ReadFile(std::string(DMGR_SOURCE_DIR) + "/templates/" + path);
    } else if (path.ends_with(".toml")) {
      content = "log-level = \"info\"\n";
    }
  }
  return package::PackTree(tree);
}

v1::UploadPackageResponse UploadTo(TestDaemon& daemon, const std::string& data) {
  v1::UploadPackageResponse response;
  grpc::ClientContext context;
  daemon.Admin().Prepare(&context, absl::Minutes(2));
  auto writer = daemon.Admin().packages().UploadPackage(&context, &response);
  v1::UploadPackageRequest message;
  auto* header = message.mutable_header();
  header->set_file_name("dm-v8.8.8.tar.gz");
  header->set_size_bytes(data.size());
  header->set_sha256(package::Sha256Hex(data));
  bool open = writer->Write(message);
  constexpr std::size_t kPiece = 256 << 10;
  for (std::size_t sent = 0; open && sent < data.size(); sent += kPiece) {
    message.mutable_chunk()->set_offset(sent);
    message.mutable_chunk()->set_data(data.substr(sent, kPiece));
    open = writer->Write(message);
  }
  writer->WritesDone();
  REQUIRE_OK(daemon.Admin().Explain(writer->Finish()));
  return response;
}

TEST_CASE("what one replica received another one has; the last row takes the file along",
          "[rpc][replicas]") {
  namespace fs = std::filesystem;
  const test::TempDir shared;
  const std::string url = "\"file://" + shared.path() + "\"";
  TestDaemon first({.config = {{"warehouse.shared", url}}});
  TestDaemon second(
      {.config = {{"warehouse.shared", url},
                  {"database.dsn", '"' + first.dsn() + '"'},
                  {"paths.master_key", '"' + (first.dir() / "data/master.key").string() + '"'},
                  {"paths.cluster_path", '"' + (first.dir() / "data").string() + '"'}}});
  const std::string data = ReplicaPackage();
  const std::string object = shared / package::Sha256Hex(data);
  CHECK_FALSE(UploadTo(first, data).already_present());
  CHECK(package::ReadFile(object) == data);
  CHECK(UploadTo(second, data).already_present());

  INFO("a step of another replica fetches it");
  auto database = store::Database::Open({.dsn = first.dsn(), .pool_size = 4});
  REQUIRE_OK(database.status());
  const test::TempDir own;
  objects::FolderStore store(shared.path());
  Resources resources;
  resources.database = database->get();
  resources.warehouse_dir = own.path();
  resources.shared = &store;
  const auto fetched = [&] { return warehouse::HavePackage(resources, "v8.8.8"); };
  REQUIRE_OK(fetched());
  const auto releases = [](const fs::path& warehouse) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(warehouse / "packages/v8.8.8/releases")) {
      names.insert(entry.path().filename());
    }
    return names;
  };
  CHECK(releases(own.path()) == releases(first.dir() / "data/warehouse"));

  INFO("what is there is not fetched again; what is spoilt or gone is not taken");
  fs::rename(object, object + ".away");
  REQUIRE_OK(fetched());
  fs::remove_all(own / "packages");
  CHECK(Reason(fetched()) == "SHARED_OBJECT_MISSING");
  shared.Write(package::Sha256Hex(data), "spoilt");
  CHECK(Reason(fetched()) == "SHARED_OBJECT_DIFFERS");
  CHECK_FALSE(fs::exists(own / "packages/v8.8.8"));
  fs::rename(object + ".away", object);
  INFO("what is cancelled fetches nothing");
  CHECK(absl::IsCancelled(warehouse::HavePackage(resources, "v8.8.8", [] { return true; })));
  const std::atomic<bool> ending = true;
  resources.ending = &ending;
  CHECK(absl::IsCancelled(fetched()));
  CHECK_FALSE(fs::exists(own / "packages/v8.8.8"));

  INFO("an upload of a dmgrd that died is cleaned up");
  const std::string dead(64, 'd');
  const std::string part = shared.Write(dead + ".gone.part", "half");
  test::Sql(first.dsn(), "INSERT INTO shared_upload (sha256, owner, lease_until) VALUES ('" + dead +
                             "', 'gone', now() - interval '1 second')");
  CHECK(Eventually([&] { return !fs::exists(part); }));

  v1::DeletePackageRequest remove;
  remove.set_version("v8.8.8");
  v1::DeletePackageResponse removed;
  REQUIRE_OK(second.Admin().Call(second.Admin().packages(),
                                 &v1::WarehouseService::Stub::DeletePackage, remove, &removed));
  CHECK(Eventually([&] { return !fs::exists(object); }));
  CHECK(Eventually(
      [&] { return test::Sql(first.dsn(), "SELECT count(*) FROM shared_upload") == "0"; }));
  REQUIRE(second.Stop() == 0);
}

// Something happens, once, right after it was asked for a file, or has given one.
class InterruptedStore : public objects::FolderStore {
 public:
  using FolderStore::FolderStore;
  absl::StatusOr<bool> Has(const std::string& sha256, const Alive& alive) override {
    auto has = FolderStore::Has(sha256, alive);
    if (after_has) std::exchange(after_has, nullptr)();
    return has;
  }
  absl::Status Get(const std::string& sha256, const std::string& path,
                   const Alive& alive) override {
    auto got = FolderStore::Get(sha256, path, alive);
    if (after_get) std::exchange(after_get, nullptr)();
    return got;
  }
  std::uint64_t MaxBytes() const override { return max_bytes; }
  std::uint64_t max_bytes = 1ULL << 32;
  std::function<void()> after_has;
  std::function<void()> after_get;
};

// What a replica has for its uploads, without its daemon.
struct Receiving {
  const test::TempDir shared;
  const test::TempDir own;
  test::TestDatabase database;
  InterruptedStore store{shared.path()};
  Resources resources;
  Receiving() {
    resources.database = &*database;
    resources.warehouse_dir = own.path();
    resources.shared = &store;
  }
  // Takes along what nobody needs.
  void Clean() {
    REQUIRE_OK(warehouse::CleanShared(resources, [] { return false; }));
  }
};

absl::Status NoFinish(store::Transaction&, const google::protobuf::Message&) {
  return absl::OkStatus();
}

v1::UploadHeader HeaderOf(const std::string& name, const std::string& data) {
  v1::UploadHeader header;
  header.set_file_name(name);
  header.set_size_bytes(data.size());
  header.set_sha256(package::Sha256Hex(data));
  return header;
}

v1::UploadChunk ChunkOf(const std::string& data) {
  v1::UploadChunk chunk;
  chunk.set_data(data);
  return chunk;
}

TEST_CASE("a patch that is removed while its file comes again is received again",
          "[rpc][replicas]") {
  Receiving replica;
  warehouse::Uploads uploads(replica.own.path());
  const std::string data = package::Program("amd64");
  v1::UploadPatchHeader header;
  *header.mutable_file() = HeaderOf("dm-worker", data);
  header.set_component(v1::COMPONENT_DM_WORKER);
  const auto upload = [&](bool is_present) {
    auto begun = warehouse::PatchUpload::Begin(replica.resources, &uploads, header);
    REQUIRE_OK(begun.status());
    CHECK((*begun)->present().has_value() == is_present);
    REQUIRE_OK((*begun)->Append(ChunkOf(data)));
    const auto patch = (*begun)->Finish();
    REQUIRE_OK(patch.status());
    return patch->patch_id();
  };
  const std::string patch_id = upload(false);
  CHECK(upload(true) == patch_id);
  replica.store.after_has = [&] {
    REQUIRE_OK(warehouse::DeletePatch(replica.resources, patch_id, NoFinish));
    replica.Clean();
  };
  CHECK(upload(false) == patch_id);
  replica.Clean();
  CHECK(package::ReadFile(replica.shared / header.file().sha256()) == data);
  CHECK(warehouse::LoadPatch(replica.resources, patch_id).ok());
}

TEST_CASE("what the shared warehouse does not take is refused before it is sent",
          "[rpc][replicas]") {
  Receiving replica;
  CHECK(warehouse::MaxUploadBytes(replica.resources) == 1ULL << 32);
  replica.store.max_bytes = 3;
  CHECK(warehouse::MaxUploadBytes(replica.resources) == 3);
  warehouse::Warehouse received(&replica.resources);
  v1::UploadPatchHeader patch;
  *patch.mutable_file() = HeaderOf("dm-worker", "1234");
  const auto refused = warehouse::PatchUpload::Begin(replica.resources, &received.uploads(), patch);
  CHECK(absl::IsInvalidArgument(refused.status()));
  const auto too = received.Begin(HeaderOf("dm-v8.8.8.tar.gz", "1234"));
  CHECK(absl::IsInvalidArgument(too.status()));
  CHECK(std::string(Message(too.status())).find("takes 3 at most") != std::string::npos);
}

TEST_CASE("a package that is removed while its lost file comes again is new", "[rpc][replicas]") {
  Receiving replica;
  warehouse::Warehouse received(&replica.resources);
  const std::string data = ReplicaPackage();
  const auto header = HeaderOf("dm-v8.8.8.tar.gz", data);
  const auto upload = [&] {
    auto begun = received.Begin(header);
    REQUIRE_OK(begun.status());
    REQUIRE_OK((*begun)->Append(ChunkOf(data)));
    REQUIRE_OK((*begun)->Finish().status());
  };
  upload();
  REQUIRE_OK(replica.store.Remove(header.sha256(), {}));
  replica.store.after_has = [&] {
    REQUIRE_OK(received.Delete("v8.8.8", NoFinish));
    replica.Clean();
  };
  upload();
  replica.Clean();
  CHECK(package::ReadFile(replica.shared / header.sha256()) == data);
  CHECK(warehouse::HavePackage(replica.resources, "v8.8.8").ok());

  INFO("one that is removed while it is fetched is not put in place");
  namespace fs = std::filesystem;
  fs::remove_all(replica.own / "packages");
  replica.store.after_get = [&] { REQUIRE_OK(received.Delete("v8.8.8", NoFinish)); };
  CHECK(Reason(warehouse::HavePackage(replica.resources, "v8.8.8")) == "PACKAGE_NOT_FOUND");
  CHECK_FALSE(fs::exists(replica.own / "packages/v8.8.8"));
}

}  // namespace
}  // namespace dmgr::testing
