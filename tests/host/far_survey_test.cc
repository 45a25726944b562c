// A survey of what a cluster has on a host.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/package/release.h"
#include "tests/host/far_account.h"
#include "tests/host/far_process.h"
#include "tests/host/far_release.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;
using Placed = hv1::PlacedSeen;
using Seen = hv1::ReleaseSeen;

hv1::SurveyReply Ask(const TempRoot& root, const hv1::Survey& survey) {
  FarProcess far(root);
  REQUIRE(far.Begin("", 0).has_begin());
  hv1::ToHost request;
  *request.mutable_survey() = survey;
  auto reply = far.Call(request);
  INFO(reply.failure().text());
  REQUIRE(reply.has_survey());
  return reply.survey();
}

TEST_CASE("files are told by hash, owner and mode, directories by what is in them") {
  TempRoot root;
  root.Write("opt/dm/conf/a.toml", "content", 0640);
  root.Write("opt/dm/conf/b.toml", "other");
  fs::create_symlink("a.toml", root / "opt/dm/conf/link");
  hv1::Survey survey;
  for (const char* name : {"a.toml", "none", "link"}) {
    survey.add_files(std::string("/opt/dm/conf/") + name);
  }
  survey.add_files("/none/at/all");
  auto* listed = survey.add_dirs();
  listed->set_path("/opt/dm/conf");
  listed->set_list(true);
  survey.add_dirs()->set_path("/opt/dm");
  const auto seen = Ask(root, survey);
  REQUIRE(seen.files_size() == 4);
  CHECK(seen.files(0).hash() == package::HashText("content"));
  CHECK(seen.files(0).attributes().mode() == 0640);
  CHECK(seen.files(0).attributes().user_id() == geteuid());
  CHECK(seen.files(1).attributes().type() == hv1::PathState::TYPE_ABSENT);
  CHECK(seen.files(2).attributes().type() == hv1::PathState::TYPE_SYMLINK);
  CHECK(seen.files(2).hash().empty());
  CHECK(seen.files(3).attributes().type() == hv1::PathState::TYPE_ABSENT);
  REQUIRE(seen.dirs_size() == 2);
  REQUIRE(seen.dirs(0).entries_size() == 3);
  CHECK(seen.dirs(0).entries(1).name() == "b.toml");
  CHECK(seen.dirs(0).entries(2).type() == hv1::PathState::TYPE_SYMLINK);
  CHECK(seen.dirs(1).entries().empty());
  CHECK(seen.dirs(1).attributes().type() == hv1::PathState::TYPE_DIRECTORY);
}

// A release in its store, with a program of it and a tree in an instance's directory.
struct Installed {
  TempRoot root;
  Release release = MakeRelease(root, 10000);
  hv1::Survey survey;
  std::string store;

  Installed() {
    fs::create_directories(root / "opt/dm/bin");
    FarProcess far(root);
    far.Begin(kClusterA, 1);
    REQUIRE(Push(far, release).has_done());
    hv1::ToHost place;
    place.mutable_place_releases()->set_store_dir(kStore);
    for (const auto& [source, target] :
         {std::pair("bin/dm-worker", "/opt/dm/bin/dm-worker"), {"homepath", "/opt/dm/homepath"}}) {
      auto* placement = place.mutable_place_releases()->add_placements();
      placement->set_hash(release.hash);
      placement->set_source(source);
      placement->set_target(target);
      auto* asked = survey.add_placed();
      asked->set_store_dir(kStore);
      *asked->mutable_placement() = *placement;
    }
    REQUIRE(far.Call(place).has_done());
    auto* asked = survey.add_releases();
    asked->set_store_dir(kStore);
    asked->set_hash(release.hash);
    store = root / (std::string(kStore).substr(1) + "/" + release.hash);
  }
};

TEST_CASE("a release is intact when all of it hashes to its name") {
  const Installed host;
  auto seen = Ask(host.root, host.survey);
  CHECK(seen.releases(0).state() == Seen::STATE_INTACT);
  CHECK(seen.releases(0).suspects().empty());
  CHECK(seen.placed(0).state() == Placed::STATE_SAME);
  CHECK(seen.placed(1).state() == Placed::STATE_SAME);

  // Through the instance's own name: it is the same file.
  const std::string program = host.root / "opt/dm/bin/dm-worker";
  const std::string content = host.root.Read("opt/dm/bin/dm-worker");
  host.root.Write("opt/dm/bin/dm-worker", content + "x", 0755);
  seen = Ask(host.root, host.survey);
  CHECK(seen.releases(0).state() == Seen::STATE_CHANGED);
  REQUIRE(seen.releases(0).suspects_size() == 1);
  CHECK(seen.releases(0).suspects(0) == "bin/dm-worker");
  CHECK(seen.placed(0).state() == Placed::STATE_SAME);
  host.root.Write("opt/dm/bin/dm-worker", content, 0755);
  CHECK(Ask(host.root, host.survey).releases(0).state() == Seen::STATE_INTACT);

  fs::permissions(program, fs::perms::owner_all);
  CHECK(Ask(host.root, host.survey).releases(0).state() == Seen::STATE_CHANGED);
  fs::permissions(program, fs::perms(0755));
  fs::create_directory(host.store + "/more");
  CHECK(Ask(host.root, host.survey).releases(0).state() == Seen::STATE_CHANGED);
  fs::remove(host.store + "/more");
  fs::remove(host.store + "/.complete");
  CHECK(Ask(host.root, host.survey).releases(0).state() == Seen::STATE_ABSENT);
}

TEST_CASE("a program is the release's as a link to it or a copy of it") {
  const Installed host;
  const std::string program = host.root / "opt/dm/bin/dm-worker";
  const std::string content = host.root.Read("opt/dm/bin/dm-worker");
  fs::remove(program);
  auto seen = Ask(host.root, host.survey);
  CHECK(seen.placed(0).state() == Placed::STATE_ABSENT);
  host.root.Write("opt/dm/bin/dm-worker", content, 0755);
  CHECK(Ask(host.root, host.survey).placed(0).state() == Placed::STATE_SAME);
  std::string other = content;
  other[0] ^= 1;
  host.root.Write("opt/dm/bin/dm-worker", other, 0755);
  CHECK(Ask(host.root, host.survey).placed(0).state() == Placed::STATE_OTHER);
  host.root.Write("opt/dm/bin/dm-worker", content, 0700);
  CHECK(Ask(host.root, host.survey).placed(0).state() == Placed::STATE_OTHER);

  fs::remove(host.root / "opt/dm/homepath");
  fs::create_directory_symlink("/elsewhere", host.root / "opt/dm/homepath");
  seen = Ask(host.root, host.survey);
  CHECK(seen.placed(1).state() == Placed::STATE_OTHER);
  CHECK(seen.placed(1).found() == "another link");
  // What the store lacks cannot be compared.
  fs::remove_all(host.store);
  CHECK(Ask(host.root, host.survey).placed(1).state() == Placed::STATE_UNKNOWN);
}

TEST_CASE("an account is told with its group, its keys and what earlier versions gave it") {
  TempRoot root;
  AddAccountPrograms(root);
  fs::create_directories(root / "home");
  fs::create_directories(root / "etc/sudoers.d");
  hv1::Survey survey;
  survey.set_user("dm");
  survey.set_group("dm");
  survey.set_public_key(kKeyA);
  auto seen = Ask(root, survey);
  CHECK_FALSE(seen.account().user_exists());
  CHECK_FALSE(seen.account().group_exists());
  {
    FarProcess far(root);
    far.Begin(kClusterA, 1);
    const auto made = far.Call(Ensure("dm", kKeyA));
    INFO(made.failure().text());
    REQUIRE(made.has_ensure_account());
  }
  seen = Ask(root, survey);
  CHECK(seen.account().user_exists());
  CHECK(seen.account().group_exists());
  CHECK(seen.account().is_member());
  CHECK(seen.account().has_key());
  CHECK_FALSE(seen.account().has_sudoers());
  root.Write("etc/sudoers.d/dmgr-dm", "dm ALL=(ALL) ALL\n", 0440);
  survey.set_public_key(kKeyB);
  seen = Ask(root, survey);
  CHECK_FALSE(seen.account().has_key());
  CHECK_FALSE(seen.account().has_sudoers());
  const std::string record = "var/lib/dmgr/shared/account-dm/made";
  root.Write(record, root.Read(record) + "sudoers\n", 0600);
  CHECK(Ask(root, survey).account().has_sudoers());
}

}  // namespace
}  // namespace dmgr::test
