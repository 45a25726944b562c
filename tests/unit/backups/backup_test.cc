// Sealed backups, and what is taken from those that open.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/backups/contents.h"
#include "server/backups/seal.h"
#include "server/clusters/packed.h"
#include "server/dm/keys.h"

namespace dmgr::backups {
namespace {

constexpr char kPassphrase[] = "correct horse battery";
constexpr std::size_t kHeader = 65;

std::string SealedText(const std::string& plain) {
  const auto sealed = SealBackup(plain, kPassphrase);
  REQUIRE(sealed.ok());
  return *sealed;
}

std::string RefusalOf(const absl::StatusOr<std::string>& opened) {
  REQUIRE_FALSE(opened.ok());
  CHECK(absl::IsInvalidArgument(opened.status()));
  return std::string(Reason(opened.status()));
}

TEST_CASE("a backup opens with its passphrase, and looks like nothing without") {
  for (const std::size_t size : {0, 1, 65'535, 65'536, 65'537, 300'000}) {
    CAPTURE(size);
    const std::string plain(size, 'p');
    const std::string sealed = SealedText(plain);
    CHECK(sealed.find("pppp") == std::string::npos);
    const auto opened = OpenBackup(sealed, kPassphrase);
    REQUIRE(opened.ok());
    CHECK(*opened == plain);
  }
  CHECK(SealedText("the same") != SealedText("the same"));
  const auto refused = OpenBackup(SealedText("secret"), "correct horse batteries");
  CHECK(RefusalOf(refused) == "BACKUP_NOT_OPENED");
  CHECK_THAT(std::string(Message(refused.status())), Catch::Contains("another passphrase"));
}

TEST_CASE("what was cut off or changed is refused wherever that is") {
  const auto key = DeriveKey(kPassphrase, std::string(kSaltBytes, 's'));
  REQUIRE(key.ok());
  const auto sealed = SealWith(*key, std::string(kSaltBytes, 's'), std::string(140'000, 'p'));
  REQUIRE(sealed.ok());
  for (std::size_t length = 0; length < sealed->size(); length += length < 200 ? 1 : 4'001) {
    CAPTURE(length);
    CHECK(RefusalOf(OpenWith(*key, sealed->substr(0, length))) == "BACKUP_UNREADABLE");
  }
  // Without its last piece, between pieces.
  CHECK(RefusalOf(OpenWith(*key, sealed->substr(0, kHeader + 65'553))) == "BACKUP_UNREADABLE");
  CHECK(RefusalOf(OpenWith(*key, *sealed + "x")) == "BACKUP_UNREADABLE");
  for (std::size_t at = 0; at < sealed->size(); at += at < 200 ? 1 : 997) {
    CAPTURE(at);
    std::string spoilt = *sealed;
    spoilt[at] = static_cast<char>(spoilt[at] ^ 0x40);
    CHECK_FALSE(OpenWith(*key, spoilt).ok());
  }
  // Two pieces in another order.
  const std::string first = sealed->substr(kHeader, 65'553);
  const std::string second = sealed->substr(kHeader + 65'553, 65'553);
  const std::string rest = sealed->substr(kHeader + 2 * 65'553);
  CHECK(RefusalOf(OpenWith(*key, sealed->substr(0, kHeader) + second + first + rest)) ==
        "BACKUP_UNREADABLE");
}

TEST_CASE("another format is named, and what is no backup as well") {
  std::string sealed = SealedText("text");
  sealed[8] = 9;
  const auto newer = OpenBackup(sealed, kPassphrase);
  CHECK(RefusalOf(newer) == "BACKUP_VERSION_UNKNOWN");
  CHECK_THAT(std::string(Message(newer.status())), Catch::Contains("version 9"));
  for (const std::string& other :
       {std::string(), std::string("DMGRBK"), std::string("{}"), std::string(100'000, '\0')}) {
    CHECK(RefusalOf(OpenBackup(other, kPassphrase)) == "BACKUP_UNREADABLE");
  }
  std::string large = SealedText("text");
  large.resize(kMaxSealedBytes + 1);
  CHECK(Reason(CheckHeader(large)) == "BACKUP_TOO_LARGE");
  CHECK(CheckPassphrase("12 are needed", "passphrase").ok());
  CHECK(Reason(CheckPassphrase("11 are few!", "passphrase")) == "PASSPHRASE_INVALID");
}

pv1::BackupRecord* AddTo(Contents* contents, const std::string& kind, const std::string& name) {
  auto* record = contents->backup.mutable_records()->add_records();
  record->set_kind(kind);
  record->set_name(name);
  record->set_config("of " + name);
  record->set_details_json("{}");
  if (kind == "task") record->set_wanted("running");
  return record;
}

Contents SomeContents() {
  Contents contents;
  contents.backup.set_cluster_name("demo");
  contents.backup.set_cluster_version("v7.5.1");
  auto* key = contents.keys.add_keys();
  key->set_key(dm::KeyOf(dm::keys::kSource, {"s1"}));
  key->set_value("source-id: s1\n");
  AddTo(&contents, "target", "prod");
  AddTo(&contents, "source", "s1");
  AddTo(&contents, "task", "shop")->set_target_name("prod");
  return contents;
}

// Why the contents are refused, once they were spoilt; "" when they are not.
template <typename Spoil>
std::string SpoiltBy(Spoil spoil) {
  Contents contents = SomeContents();
  spoil(&contents);
  const auto written = WriteContents(contents);
  REQUIRE(written.ok());
  const auto read = ReadContents(*written);
  if (read.ok()) return "";
  CHECK(Reason(read.status()) == "BACKUP_UNREADABLE");
  return std::string(Message(read.status()));
}

TEST_CASE("the contents of a backup are what was written, and nothing else is taken") {
  const auto written = WriteContents(SomeContents());
  REQUIRE(written.ok());
  const auto read = ReadContents(*written);
  REQUIRE(read.ok());
  CHECK(dm::ContentHash(read->keys) == dm::ContentHash(SomeContents().keys));
  CHECK(read->backup.records().SerializeAsString() ==
        SomeContents().backup.records().SerializeAsString());

  const auto record = [](Contents* contents, int i) {
    return contents->backup.mutable_records()->mutable_records(i);
  };
  CHECK_FALSE(SpoiltBy([](auto* c) { c->backup.clear_cluster_name(); }).empty());
  CHECK_FALSE(SpoiltBy([](auto* c) { c->backup.set_cluster_version("nightly"); }).empty());
  CHECK_FALSE(SpoiltBy([](auto* c) { c->keys.add_keys()->set_key("/dm-worker/r/7731"); }).empty());
  CHECK_FALSE(SpoiltBy([](auto* c) { *c->keys.add_keys() = c->keys.keys(0); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 1)->set_kind("worker"); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 1)->set_name("a\nb"); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 1)->clear_config(); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 1)->set_wanted("running"); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 1)->set_details_json("[]"); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 2)->clear_wanted(); }).empty());
  CHECK_FALSE(SpoiltBy([&](auto* c) { record(c, 2)->set_target_name("other"); }).empty());
  CHECK_FALSE(SpoiltBy([](auto* c) { AddTo(c, "source", "s1"); }).empty());
  CHECK(SpoiltBy([](auto* c) { AddTo(c, "source", "s2"); }).empty());
}

TEST_CASE("what says that it becomes larger than anything there is takes no room") {
  CHECK(ReadContents("").status().code() == absl::StatusCode::kInvalidArgument);
  // A frame of eight bytes that becomes 4 GiB, and one of a few that becomes 256 MiB.
  const std::string huge("\x28\xb5\x2f\xfd\xa0\xff\xff\xff\xff\x02\x00\x00\x00", 13);
  CHECK(clusters::Unpack(huge).empty());
  const std::string large("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x10\x02\x00\x00\x00", 13);
  CHECK(clusters::Unpack(large).empty());
  const auto zeros = clusters::Pack(std::string(10 << 20, '\0'));
  REQUIRE(zeros.ok());
  CHECK(clusters::Unpack(*zeros).size() == 10 << 20);
}

}  // namespace
}  // namespace dmgr::backups
