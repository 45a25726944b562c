// Shared files: in a folder, and in a small S3 that checks signatures.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "common/error.h"
#include "common/package/sha256.h"
#include "server/objects/open.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace dmgr::objects {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string HashOf(const std::string& text) {
  package::Sha256 hash;
  hash.Update(text);
  return hash.Hex();
}

// tests/support/s3_server.py.
class S3Server {
 public:
  S3Server()
      : child_({.args = {"/usr/bin/python3", "-B",
                         std::string(DMGR_SOURCE_DIR) + "/tests/support/s3_server.py", dir_.path(),
                         "AK", "the-secret", "us-east-1"}},
               dir_ / "log") {
    if (!testing::Eventually([&] { return fs::exists(dir_ / "port"); })) {
      FAIL(TextOf(dir_ / "log"));
    }
  }
  Place At(const std::string& region = "us-east-1") const {
    return {.url = "s3://bucket/some/prefix",
            .s3_endpoint = "http://127.0.0.1:" + TextOf(dir_ / "port"),
            .s3_region = region};
  }
  void AnswerSlowDown(int times) const { dir_.Write("slow", std::to_string(times)); }
  std::string Requests() const { return TextOf(dir_ / "requests"); }

 private:
  const test::TempDir dir_;
  testing::Child child_;
};

std::unique_ptr<ObjectStore> Opened(const Place& place, const std::string& key = "AK:the-secret") {
  auto store = OpenStore(place, Secret(key));
  REQUIRE(store.ok());
  return *std::move(store);
}

// What holds of every store.
void CheckStore(ObjectStore& store) {
  const test::TempDir dir;
  // More than libcurl sends without asking first.
  const std::string text(3'000'000, 'x');
  const std::string name = HashOf(text);
  const std::string file = dir.Write("file", text);
  CHECK(store.Has(name, {}).value() == false);
  CHECK(Reason(store.Get(name, dir / "back", {})) == "SHARED_OBJECT_MISSING");
  CHECK_FALSE(fs::exists(dir / "back"));
  int asked = 0;
  const ObjectStore::Putter putter{.owner = "one", .alive = [&] {
                                     ++asked;
                                     return absl::OkStatus();
                                   }};
  for (int i = 0; i < 2; ++i) {
    const absl::Status put = store.Put(name, file, putter);
    INFO(put.ToString());
    REQUIRE(put.ok());
  }
  CHECK(asked > 0);
  CHECK(store.Has(name, {}).value() == true);
  REQUIRE(store.Get(name, dir / "back", {}).ok());
  CHECK(TextOf(dir / "back") == text);
  INFO("a fetch that nobody wants any more ends");
  const auto unwanted = [] { return absl::CancelledError("ends"); };
  CHECK(absl::IsCancelled(store.Get(name, dir / "unwanted", unwanted)));
  CHECK(store.RemoveUnfinished(name, "one").ok());
  CHECK(store.Has(name, {}).value() == true);
  for (int i = 0; i < 2; ++i) CHECK(store.Remove(name, {}).ok());
  CHECK(store.Has(name, {}).value() == false);
  INFO("one whose lease is lost puts nothing");
  const absl::Status lost =
      store.Put(name, file, {.owner = "two", .alive = [] { return absl::AbortedError("lost"); }});
  CHECK(absl::IsAborted(lost));
  CHECK(store.Has(name, {}).value() == false);
}

TEST_CASE("a folder keeps shared files; and says when it is not mounted") {
  const test::TempDir dir;
  fs::create_directory(dir / "mnt");
  const auto store = Opened({.url = "file://" + (dir / "mnt/")});
  CheckStore(*store);
  CHECK(fs::is_empty(dir / "mnt"));
  const std::string name(64, 'a');
  const std::string part = dir.Write("mnt/" + name + ".dead.part", "half");
  CHECK(store->RemoveUnfinished(name, "dead").ok());
  CHECK_FALSE(fs::exists(part));
  fs::remove(dir / "mnt");
  CHECK(Reason(store->Has(name, {}).status()) == "SHARED_STORE_FAILED");
  CHECK_FALSE(store->Put(name, dir.Write("f", "1"), {.owner = "one"}).ok());
  CHECK_FALSE(fs::exists(dir / "mnt"));
}

TEST_CASE("S3 keeps shared files; each request is signed") {
  const S3Server server;
  CheckStore(*Opened(server.At()));
  CHECK(Opened(server.At())->MaxBytes() == 5ULL << 30);
  CHECK(server.Requests().find("PUT /bucket/some/prefix/") != std::string::npos);
}

TEST_CASE("S3 that is busy is asked again; one that refuses is not") {
  const S3Server server;
  const std::string name(64, 'b');
  server.AnswerSlowDown(2);
  CHECK(Opened(server.At())->Has(name, {}).value() == false);
  CHECK(server.Requests().find("503") != std::string::npos);

  server.AnswerSlowDown(100);
  const absl::Status busy = Opened(server.At())->Remove(name, {});
  CHECK(absl::IsUnavailable(busy));
  CHECK(std::string(Message(busy)).find("HTTP 503 SlowDown") != std::string::npos);
  INFO("not when nobody wants it any more: in the pause after the first try");
  server.AnswerSlowDown(100);
  const test::TempDir dir;
  const auto until_asked_for = [&](const std::string& other) {
    return [&server, other]() -> absl::Status {
      const bool was_answered = server.Requests().find(other) != std::string::npos;
      return was_answered ? absl::CancelledError("ends") : absl::OkStatus();
    };
  };
  std::string other(64, 'c');
  CHECK(absl::IsCancelled(Opened(server.At())->Get(other, dir / "file", until_asked_for(other))));
  CHECK_FALSE(fs::exists(dir / "file"));
  other = std::string(64, 'e');
  CHECK(absl::IsCancelled(Opened(server.At())->Has(other, until_asked_for(other)).status()));
  other = std::string(64, 'f');
  CHECK(absl::IsCancelled(Opened(server.At())->Remove(other, until_asked_for(other))));
  server.AnswerSlowDown(0);

  const absl::Status refused = Opened(server.At(), "AK:wrong-secret")->Remove(name, {});
  CHECK(Reason(refused) == "SHARED_STORE_FAILED");
  CHECK(std::string(Message(refused)).find("SignatureDoesNotMatch") != std::string::npos);
  CHECK(refused.ToString().find("wrong-secret") == std::string::npos);
  const absl::Status elsewhere = Opened(server.At("eu-west-1"))->Remove(name, {});
  CHECK(std::string(Message(elsewhere)).find("AuthorizationHeaderMalformed") != std::string::npos);
}

TEST_CASE("that S3 has no such file is known from its word alone") {
  const S3Server server;
  const std::string name(64, 'd');
  const auto check = [&](ObjectStore& store, const std::string& word) {
    const test::TempDir dir;
    for (const absl::Status& status : {store.Has(name, {}).status(),
                                       store.Get(name, dir / "file", {}), store.Remove(name, {})}) {
      CHECK(Reason(status) == "SHARED_STORE_FAILED");
      CHECK_THAT(std::string(Message(status)), Catch::Contains(word));
    }
    CHECK_FALSE(fs::exists(dir / "file"));
  };
  Place elsewhere = server.At();
  elsewhere.url = "s3://nosuch/some/prefix";
  check(*Opened(elsewhere), "404 NoSuchBucket: the bucket doesn't exist & isn't made");
  check(*Opened(server.At(), "STRANGER:the-secret"), "404 XAdminUserNotFound");
  check(*Opened(server.At(), "AK:wrong-secret"), "403 SignatureDoesNotMatch");
  check(*Opened(server.At("eu-west-1")), "400 AuthorizationHeaderMalformed");
}

TEST_CASE("what cannot be written here is no fault of S3, and is not fetched again") {
  const S3Server server;
  const test::TempDir dir;
  const std::string text(3'000'000, 'x');
  const std::string name = HashOf(text);
  const auto store = Opened(server.At());
  REQUIRE(store
              ->Put(name, dir.Write("file", text),
                    {.owner = "one", .alive = [] { return absl::OkStatus(); }})
              .ok());
  rlimit usual = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &usual) == 0);
  const rlimit little = {.rlim_cur = 100'000, .rlim_max = usual.rlim_max};
  const auto before = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &little);
  const absl::Status full = store->Get(name, dir / "back", [] { return absl::OkStatus(); });
  setrlimit(RLIMIT_FSIZE, &usual);
  signal(SIGXFSZ, before);
  INFO(full.ToString());
  CHECK(Reason(full) == "FILE_UNWRITABLE");
  CHECK_FALSE(fs::exists(dir / "back"));
}

TEST_CASE("a place that is none is refused with words") {
  for (const char* url :
       {"", "mnt", "file://", "file://mnt", "s3://", "s3://b/../c", "s3://b/a b", "http://x"}) {
    CAPTURE(url);
    CHECK_FALSE(WhyNoPlace({.url = url, .s3_region = "r"}).empty());
  }
  CHECK_FALSE(
      WhyNoPlace({.url = "s3://b", .s3_endpoint = "https://h/path", .s3_region = "r"}).empty());
  CHECK_FALSE(WhyNoPlace({.url = "s3://b"}).empty());
  CHECK(WhyNoPlace({.url = "s3://b/p", .s3_endpoint = "https://h:1", .s3_region = "r"}).empty());
  CHECK(Reason(OpenStore({.url = "s3://b", .s3_region = "r"}, Secret("no-colon")).status()) ==
        "SHARED_CONFIG_INVALID");
}

}  // namespace
}  // namespace dmgr::objects
