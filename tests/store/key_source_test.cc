// Where the master key is kept.
#include "server/secrets/key_source.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"
#include "tests/store/samples.h"
#include "tests/support/temp_dir.h"

namespace dmgr::secrets {
namespace {

struct Places {
  test::TempDir dir;
  const std::string bytes = RandomBytes(32);
  std::string default_file = dir / "master.key";

  std::string Put(const std::string& name, unsigned mode = 0600) {
    const std::string path = dir / name;
    REQUIRE_OK(WriteFileAtomically(path, bytes, mode));
    return path;
  }
  absl::StatusOr<KeySource> Find(const KeyPlaces& places) const {
    KeyPlaces all = places;
    all.default_file = default_file;
    return FindKey(all);
  }
};

void IsAmbiguous(const absl::StatusOr<KeySource>& found, const std::string& one,
                 const std::string& other) {
  REQUIRE(Reason(found.status()) == "MASTER_KEY_AMBIGUOUS");
  CHECK(Message(found.status()).find(one) != std::string::npos);
  CHECK(Message(found.status()).find(other) != std::string::npos);
  CHECK(Metadata(found.status(), "remedy").find("keep the one") != std::string::npos);
}

TEST_CASE("each place gives the same key") {
  Places places;
  const std::string named = places.Put("named");
  places.Put(kKeyCredential, 0400);
  const auto id_of = [](const absl::StatusOr<KeySource>& source) {
    REQUIRE_OK(source.status());
    const auto box = LoadKey(*source);
    REQUIRE_OK(box.status());
    return box->Id();
  };
  const std::string id = id_of(places.Find({.named_file = named}));
  CHECK(id_of(places.Find({.variable = Secret(HexEncode(places.bytes))})) == id);
  CHECK(id_of(places.Find({.credentials_dir = places.dir.path()})) == id);
  places.Put("master.key");
  CHECK(id_of(places.Find({})) == id);
}

TEST_CASE("without a word the key is in the default file, there or not") {
  Places places;
  auto found = places.Find({.credentials_dir = places.dir / "none"});
  REQUIRE_OK(found.status());
  CHECK(found->path == places.default_file);
  CHECK(absl::IsNotFound(LoadKey(*found).status()));
}

TEST_CASE("two keys are one too many, the same key or not") {
  Places places;
  places.Put(kKeyCredential, 0400);
  const std::string credentials = places.dir.path();
  const Secret hex(HexEncode(places.bytes));
  IsAmbiguous(places.Find({.named_file = "/k", .variable = hex}), "/k", kKeyVariable);
  IsAmbiguous(places.Find({.named_file = "/k", .credentials_dir = credentials}), "/k",
              kKeyCredential);
  IsAmbiguous(places.Find({.variable = hex, .credentials_dir = credentials}), kKeyVariable,
              kKeyCredential);
  places.Put("master.key");
  IsAmbiguous(places.Find({.variable = hex}), kKeyVariable, places.default_file);
  REQUIRE_OK(places.Find({.named_file = "/k"}).status());
}

TEST_CASE("what is no key, or is open to others, is refused") {
  Places places;
  for (const std::string& hex : {std::string(), std::string("abcd"), std::string(64, 'x'),
                                 std::string(66, 'a'), std::string(63, 'a') + " "}) {
    const auto found = places.Find({.variable = Secret(hex)});
    REQUIRE_OK(found.status());
    const absl::Status refused = LoadKey(*found).status();
    CHECK(Reason(refused) == "MASTER_KEY_INVALID");
    CHECK((hex.empty() || Message(refused).find(hex) == std::string::npos));
  }
  const std::string credential = places.Put(kKeyCredential, 0440);
  const auto load = [&] {
    return LoadKey({.kind = KeySource::Kind::kCredential, .path = credential}).status();
  };
  // systemd's access list for the service's user looks like that.
  REQUIRE_OK(load());
  for (const mode_t mode : {0444, 0460}) {
    REQUIRE(chmod(credential.c_str(), mode) == 0);
    CHECK(Reason(load()) == "MASTER_KEY_EXPOSED");
  }
  REQUIRE(chmod(credential.c_str(), 0440) == 0);
  CHECK(Reason(LoadKey({.path = credential}).status()) == "MASTER_KEY_EXPOSED");
}

TEST_CASE("a variable that is taken is gone from what the kernel shows as well") {
  // What the kernel shows is what a program was started with.
  const char* started_with = "DMGR_TEST_TAKEN";
  if (std::getenv(started_with) == nullptr) {
    setenv(started_with, "the value", 1);
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string command =
        "'" + self + "' 'a variable that is taken is gone from what the kernel shows as well'";
    CHECK(std::system(command.c_str()) == 0);
    return;
  }
  const std::string before = ReadFile("/proc/self/environ").value();
  REQUIRE(before.find("the value") != std::string::npos);
  const auto taken = TakeVariable(started_with);
  REQUIRE(taken.has_value());
  CHECK(taken->text() == "the value");
  CHECK(std::getenv(started_with) == nullptr);
  CHECK(ReadFile("/proc/self/environ").value().find("the value") == std::string::npos);
  CHECK_FALSE(TakeVariable(started_with).has_value());
}

}  // namespace
}  // namespace dmgr::secrets
