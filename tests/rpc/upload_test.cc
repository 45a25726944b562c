// Packages on their way into the warehouse.
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/rpc/fixture.h"
#include "tests/unit/package/support.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

using Warehouse = v1::WarehouseService::Stub;

constexpr std::size_t kChunk = 256 << 10;

std::string Noise(std::size_t size) {
  std::minstd_rand random(42);
  std::string noise(size, '\0');
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random() >> 7); });
  return noise;
}

// A package as it must be, with the templates that dmgr ships.
package::Tree GoodTree() {
  package::Tree tree = package::GoodTree();
  for (auto& [path, content] : tree) {
    if (path.rfind("template/", 0) == 0) {
      content = package::ReadFile(std::string(DMGR_SOURCE_DIR) + "/templates/" + path);
    } else if (path.ends_with(".toml")) {
      content = "log-level = \"info\"\n";
    }
  }
  return tree;
}

struct File {
  std::string name;
  std::string data;
  v1::UploadHeader Header() const {
    v1::UploadHeader header;
    header.set_file_name(name);
    header.set_size_bytes(data.size());
    header.set_sha256(package::Sha256Hex(data));
    return header;
  }
};

File GoodFile(const std::string& version, std::size_t padding = 0) {
  auto tree = GoodTree();
  if (padding > 0) tree["others/padding"] = Noise(padding);
  return {"dm-" + version + ".tar.gz", package::PackTree(tree)};
}

struct UploadAnswer {
  absl::Status status;
  v1::UploadPackageResponse response;
  std::size_t sent = 0;  // Bytes after which the stream was closed, by either side.
};

// Sends header and chunks from `begin`. on_sent is told of every chunk, and says whether to go on;
// when not, the call is cut.
UploadAnswer Send(const v1::UploadHeader& header, const std::string& data, std::size_t begin = 0,
                  const std::function<bool(std::size_t)>& on_sent = {}) {
  auto& connection = Daemon().Admin();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::Minutes(2));
  UploadAnswer answer;
  auto writer = connection.packages().UploadPackage(&context, &answer.response);
  v1::UploadPackageRequest message;
  *message.mutable_header() = header;
  bool open = writer->Write(message);
  answer.sent = begin;
  while (open && answer.sent < data.size()) {
    auto* chunk = message.mutable_chunk();
    chunk->set_offset(answer.sent);
    chunk->set_data(data.substr(answer.sent, kChunk));
    open = writer->Write(message);
    answer.sent += message.chunk().data().size();
    if (open && on_sent && !on_sent(answer.sent)) {
      context.TryCancel();
      break;
    }
  }
  writer->WritesDone();
  answer.status = connection.Explain(writer->Finish());
  return answer;
}

UploadAnswer Upload(const File& file, std::size_t begin = 0) {
  UploadAnswer answer;
  // What a cut stream left behind may need a moment to end.
  Eventually([&] {
    answer = Send(file.Header(), file.data, begin);
    return Reason(answer.status) != "UPLOAD_IN_PROGRESS";
  });
  return answer;
}

std::uint64_t Received(const File& file) {
  v1::GetUploadRequest request;
  request.set_sha256(file.Header().sha256());
  return MustCall(Daemon().Admin().packages(), &Warehouse::GetUpload, request).received_bytes();
}

bool IsListed(const std::string& version) {
  const auto list =
      MustCall(Daemon().Admin().packages(), &Warehouse::ListPackages, v1::ListPackagesRequest());
  return std::any_of(list.packages().begin(), list.packages().end(),
                     [&](const v1::Package& package) { return package.version() == version; });
}

fs::path Uploads() { return Daemon().dir() / "data/warehouse/uploads"; }

// Cuts a stream once the server has `bytes` of it.
void CutAfter(const File& file, std::size_t bytes) {
  const auto answer = Send(file.Header(), file.data, 0, [&](std::size_t sent) {
    if (sent < bytes) return true;
    CHECK(Eventually([&] { return Received(file) == sent; }));
    return false;
  });
  CHECK(absl::IsCancelled(answer.status));
}

TEST_CASE("a package goes into the warehouse, and again without being sent", "[rpc][upload]") {
  const File file = GoodFile("v1.0.1");
  const auto answer = Upload(file);
  REQUIRE_OK(answer.status);
  CHECK_FALSE(answer.response.already_present());
  const auto& package = answer.response.package();
  CHECK(package.version() == "v1.0.1");
  CHECK(package.sha256() == file.Header().sha256());
  CHECK(package.arch() == "amd64");
  CHECK(package.components_size() == 5);
  for (const auto& component : package.components()) {
    const auto archive = Daemon().dir() / "data/warehouse/packages/v1.0.1/releases" /
                         (component.release_hash() + ".tar.zst");
    CHECK(fs::file_size(archive) == component.compressed_bytes());
  }
  CHECK(IsListed("v1.0.1"));

  const auto again = Upload(file);
  REQUIRE_OK(again.status);
  CHECK(again.response.already_present());
  const auto other = Upload(GoodFile("v1.0.1", 100));
  CHECK(absl::IsAlreadyExists(other.status));
  const auto next = NextActionsOf(other.status);
  REQUIRE(next.size() == 1);
  CHECK(next.front().action() == v1::ACTION_DELETE_PACKAGE);
  CHECK(next.front().arguments().at("version") == "v1.0.1");
}

TEST_CASE("a package whose files are gone is received again", "[rpc][upload]") {
  const File file = GoodFile("v1.0.17");
  REQUIRE_OK(Upload(file).status);
  const fs::path folder = Daemon().dir() / "data/warehouse/packages/v1.0.17";
  fs::remove_all(folder);
  CHECK(absl::IsAlreadyExists(Upload(GoodFile("v1.0.17", 100)).status));
  const auto again = Upload(file);
  REQUIRE_OK(again.status);
  CHECK_FALSE(again.response.already_present());
  CHECK(fs::exists(folder / "tree/bin/dm-master"));
  for (const auto& component : again.response.package().components()) {
    CHECK(fs::exists(folder / "releases" / (component.release_hash() + ".tar.zst")));
  }
  CHECK(Upload(file).response.already_present());
}

TEST_CASE("an upload that was cut goes on where it stopped", "[rpc][upload]") {
  const File file = GoodFile("v1.0.2", 3 << 20);
  CHECK(Received(file) == 0);
  CutAfter(file, 3 * kChunk);
  const auto received = Received(file);
  CHECK(received == 3 * kChunk);
  CHECK_FALSE(IsListed("v1.0.2"));
  REQUIRE_OK(Upload(file, received).status);
  CHECK(IsListed("v1.0.2"));
  CHECK(Received(file) == 0);
}

TEST_CASE("it goes on after a restart and after a crash of dmgrd, too", "[rpc][upload]") {
  const bool crash = GENERATE(false, true);
  const std::string version = crash ? "v1.0.4" : "v1.0.3";
  const File file = GoodFile(version, 2 << 20);
  CutAfter(file, 2 * kChunk);
  if (crash) {
    Daemon().Kill();
  } else {
    CHECK(Daemon().Stop() == 0);
  }
  Daemon().Start();
  const auto received = Received(file);
  CHECK(received == 2 * kChunk);
  REQUIRE_OK(Upload(file, received).status);
  CHECK(IsListed(version));
}

TEST_CASE("a gap is refused with the offset to go on at", "[rpc][upload]") {
  const File file = GoodFile("v1.0.5", 1 << 20);
  const auto answer = Send(file.Header(), file.data, kChunk);
  CHECK(absl::IsOutOfRange(answer.status));
  CHECK(Reason(answer.status) == "WRONG_OFFSET");
  CHECK(Metadata(answer.status, "received_bytes") == "0");
  REQUIRE_OK(Upload(file).status);
}

TEST_CASE("bytes that are not what the header says are refused", "[rpc][upload]") {
  const File file = GoodFile("v1.0.6", 1 << 20);
  auto header = file.Header();
  SECTION("another sha256") { header.set_sha256(std::string(64, 'e')); }
  SECTION("more than announced") { header.set_size_bytes(file.data.size() - 1); }
  const auto answer = Send(header, file.data);
  CHECK(absl::IsInvalidArgument(answer.status));
  CHECK_FALSE(IsListed("v1.0.6"));
  // Nobody goes on with bytes that are no good.
  v1::GetUploadRequest request;
  request.set_sha256(std::string(64, 'e'));
  CHECK(MustCall(Daemon().Admin().packages(), &Warehouse::GetUpload, request).received_bytes() ==
        0);
}

TEST_CASE("a file that ends early is kept for later", "[rpc][upload]") {
  const File file = GoodFile("v1.0.7", 1 << 20);
  const auto answer = Send(file.Header(), file.data.substr(0, 2 * kChunk));
  CHECK(absl::IsFailedPrecondition(answer.status));
  CHECK(Metadata(answer.status, "received_bytes") == std::to_string(2 * kChunk));
  REQUIRE_OK(Upload(file, 2 * kChunk).status);
}

TEST_CASE("headers that cannot be right are refused", "[rpc][upload]") {
  auto header = GoodFile("v1.0.8").Header();
  SECTION("no version in the name") { header.set_file_name("package.tar.gz"); }
  SECTION("a path in the name") { header.set_file_name("../dm-v1.0.8.tar.gz"); }
  SECTION("no hash") { header.set_sha256("abc"); }
  SECTION("a path as hash") { header.set_sha256("../../../../../../etc/passwd"); }
  SECTION("nothing") { header.set_size_bytes(0); }
  SECTION("far too much") { header.set_size_bytes(1ULL << 50); }
  CHECK(absl::IsInvalidArgument(Send(header, "").status));
}

TEST_CASE("a package without bin/dm-worker is refused by name of the part", "[rpc][upload]") {
  auto tree = GoodTree();
  tree.erase("bin/dm-worker");
  tree.erase("others/dmctl");
  const File file{"dm-v1.0.9.tar.gz", package::PackTree(tree)};
  const auto answer = Upload(file);
  CHECK(absl::IsInvalidArgument(answer.status));
  CHECK(Reason(answer.status) == "PACKAGE_INVALID");
  // All that is missing at once.
  CHECK_THAT(std::string(Message(answer.status)),
             Catch::Contains("bin/dm-worker") && Catch::Contains("others/dmctl"));
  CHECK_FALSE(IsListed("v1.0.9"));
  CHECK(Received(file) == 0);
}

TEST_CASE("a template with an unknown variable is refused", "[rpc][upload]") {
  auto tree = GoodTree();
  tree["template/run_dm-worker.sh.tmpl"] += "echo {{no_such_variable}}\n";
  const auto answer = Upload({"dm-v1.0.10.tar.gz", package::PackTree(tree)});
  CHECK(absl::IsInvalidArgument(answer.status));
  CHECK_THAT(std::string(Message(answer.status)),
             Catch::Contains("no_such_variable") && Catch::Contains("run_dm-worker.sh.tmpl"));
}

TEST_CASE("a path that escapes ends the stream before its end", "[rpc][upload]") {
  constexpr std::size_t kSize = 24 << 20;
  std::vector<package::TarEntry> entries = {package::EntryOf("../../../../escaped", "evil"),
                                            package::EntryOf("bin/dm-worker", Noise(kSize))};
  const File file{"dm-v1.0.11.tar.gz", package::MakeTarGz(entries)};
  REQUIRE(file.data.size() > kSize / 2);
  const auto answer = Upload(file);
  CHECK(absl::IsInvalidArgument(answer.status));
  CHECK_THAT(std::string(Message(answer.status)), Catch::Contains("../../../../escaped"));
  CHECK(answer.sent < file.data.size());
  CHECK(Received(file) == 0);
  int escaped = 0;
  for (const auto& entry : fs::recursive_directory_iterator(
           Daemon().dir(), fs::directory_options::skip_permission_denied)) {
    escaped += entry.path().filename() == "escaped" ? 1 : 0;
  }
  CHECK(escaped == 0);
}

TEST_CASE("bytes that are no archive are refused", "[rpc][upload]") {
  const auto answer = Upload({"dm-v1.0.12.tar.gz", Noise(1 << 20)});
  CHECK(absl::IsInvalidArgument(answer.status));
  CHECK_FALSE(IsListed("v1.0.12"));
}

TEST_CASE("one version is uploaded by one call at a time", "[rpc][upload]") {
  const File file = GoodFile("v1.0.13", 1 << 20);
  bool asked = false;
  const auto answer = Send(file.Header(), file.data, 0, [&](std::size_t sent) {
    if (!std::exchange(asked, true)) {
      CHECK(Eventually([&] { return Received(file) == sent; }));
      const auto second = Send(file.Header(), file.data);
      CHECK(absl::IsAborted(second.status));
      CHECK(Reason(second.status) == "UPLOAD_IN_PROGRESS");
    }
    return true;
  });
  CHECK(asked);
  REQUIRE_OK(answer.status);
}

TEST_CASE("several versions are uploaded at once", "[rpc][upload]") {
  Daemon().Admin();  // Logged in before the threads need it.
  std::vector<UploadAnswer> answers(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      answers[i] = Upload(GoodFile("v1.1." + std::to_string(i), (std::size_t{2} << 20) + i));
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    REQUIRE_OK(answers[i].status);
    CHECK(IsListed("v1.1." + std::to_string(i)));
  }
}

// A file system of a few MiB in place of a folder, for as long as this lives.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path at) : at_(std::move(at)) {
    REQUIRE(::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=4m") == 0);
  }
  ~SmallDisk() { ::umount2(at_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  const fs::path at_;
};

TEST_CASE("an upload that the disk has no room for is refused before it is sent", "[rpc][upload]") {
  const File file = GoodFile("v1.0.16", 1 << 20);
  {
    const SmallDisk disk(Daemon().dir() / "data/warehouse");
    const auto refused = Send(file.Header(), file.data);
    CHECK(absl::IsResourceExhausted(refused.status));
    CHECK(Reason(refused.status) == "WAREHOUSE_FULL");
    CHECK_THAT(Metadata(refused.status, "remedy"), Catch::Contains("remove packages"));
    CHECK(Received(file) == 0);
  }
  CHECK_FALSE(IsListed("v1.0.16"));
  REQUIRE_OK(Upload(file).status);
}

TEST_CASE("a package in use is not removed, another one is, with its files", "[rpc][upload]") {
  v1::DeletePackageRequest request;
  v1::DeletePackageResponse response;
  auto& admin = Daemon().Admin();
  const auto remove = [&](const std::string& version) {
    request.set_version(version);
    return admin.Call(admin.packages(), &Warehouse::DeletePackage, request, &response);
  };
  AddCluster("uses-a-package");
  const auto used = remove("v0.0.1");
  CHECK(absl::IsFailedPrecondition(used));
  CHECK_THAT(std::string(Message(used)), Catch::Contains("uses-a-package"));

  REQUIRE_OK(Upload(GoodFile("v1.0.14")).status);
  CHECK(fs::exists(Daemon().dir() / "data/warehouse/packages/v1.0.14/tree/bin/dm-master"));
  REQUIRE_OK(remove("v1.0.14"));
  CHECK_FALSE(fs::exists(Daemon().dir() / "data/warehouse/packages/v1.0.14"));
  CHECK(absl::IsNotFound(remove("v1.0.14")));
  REQUIRE_OK(Upload(GoodFile("v1.0.14")).status);
}

TEST_CASE("nothing unpacked is left of uploads that failed", "[rpc][upload]") {
  Upload({"dm-v1.0.15.tar.gz", Noise(1 << 20)});
  CHECK(Eventually([] {
    return std::none_of(fs::directory_iterator(Uploads()), fs::directory_iterator(),
                        [](const auto& entry) { return entry.path().extension() == ".work"; });
  }));
}

}  // namespace
}  // namespace dmgr::testing
