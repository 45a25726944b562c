// A cluster's folder on the control machine: whose it is, also after a kill.

#include "server/clusters/workspace.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "common/error.h"
#include "tests/support/temp_dir.h"

namespace dmgr::clusters {
namespace {

namespace fs = std::filesystem;

constexpr char kOwn[] = "123e4567-e89b-42d3-a456-426614174000";
constexpr char kOther[] = "223e4567-e89b-42d3-a456-426614174000";

struct Folder {
  std::string Cluster() const { return dir / "cluster/demo"; }
  test::TempDir dir;
};

void Put(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

TEST_CASE("a folder is claimed once, and known again") {
  const Folder folder;
  CHECK(ClaimClusterDir(folder.Cluster(), kOwn).ok());
  CHECK(ClaimClusterDir(folder.Cluster(), kOwn).ok());
  CHECK(Reason(ClaimClusterDir(folder.Cluster(), kOther)) == "CLUSTER_DIR_IN_USE");
  Put(folder.Cluster() + "/v1/file");
  CHECK(RemoveClusterDir(folder.Cluster(), kOther).ok());
  CHECK(fs::exists(folder.Cluster() + "/v1/file"));
  CHECK(RemoveClusterDir(folder.Cluster(), kOwn).ok());
  CHECK_FALSE(fs::exists(folder.Cluster()));
}

TEST_CASE("a folder with something else in it is not taken, and not removed") {
  const Folder folder;
  Put(folder.Cluster() + "/notes.txt");
  CHECK(Reason(ClaimClusterDir(folder.Cluster(), kOwn)) == "CLUSTER_DIR_IN_USE");
  CHECK(RemoveClusterDir(folder.Cluster(), kOwn).ok());
  CHECK(fs::exists(folder.Cluster() + "/notes.txt"));
}

TEST_CASE("a folder gets the name that its cluster has by now, another one's does not") {
  const Folder folder;
  const std::string orders = folder.dir / "cluster/orders";
  REQUIRE(ClaimClusterDir(folder.Cluster(), kOwn).ok());
  BringClusterDirHome(orders, kOther);
  CHECK(fs::exists(folder.Cluster()));
  BringClusterDirHome(orders, kOwn);
  BringClusterDirHome(orders, kOwn);
  CHECK_FALSE(fs::exists(folder.Cluster()));
  CHECK(ClaimClusterDir(orders, kOwn).ok());
  // One that is there stays what it is.
  REQUIRE(ClaimClusterDir(folder.Cluster(), kOther).ok());
  BringClusterDirHome(orders, kOther);
  CHECK(ClaimClusterDir(folder.Cluster(), kOther).ok());
}

TEST_CASE("a marker that a kill cut short is in nobody's way") {
  const Folder folder;
  Put(folder.Cluster() + "/.dmgr-cluster.0123abcd");
  CHECK(CheckClusterDirFree(folder.Cluster()).ok());
  SECTION("the deploy goes on") {
    CHECK(ClaimClusterDir(folder.Cluster(), kOwn).ok());
    CHECK_FALSE(fs::exists(folder.Cluster() + "/.dmgr-cluster.0123abcd"));
    CHECK(RemoveClusterDir(folder.Cluster(), kOwn).ok());
  }
  SECTION("it is rolled back") { CHECK(RemoveClusterDir(folder.Cluster(), kOwn).ok()); }
  CHECK_FALSE(fs::exists(folder.Cluster()));
}

TEST_CASE("of a package, programs are linked and what may be edited is copied") {
  const Folder folder;
  const fs::path source = folder.dir / "package";
  const fs::path target = folder.dir / "copy";
  const std::string programs[] = {"bin/dm-master", "grafana/homepath/public/a", "grafana.tar.gz",
                                  "others/dmctl"};
  const std::string texts[] = {"conf/dm-master.toml", "grafana/dashboards/dm.json",
                               "grafana.tar.gz.txt", "others/task_basic.yml"};
  for (const auto& path : programs) Put(source / path);
  for (const auto& path : texts) Put(source / path);
  fs::create_symlink("../bin/dm-master", source / "conf/link");
  REQUIRE(CopyPackageTree(source, target).ok());
  for (const auto& path : programs) CHECK(fs::equivalent(source / path, target / path));
  for (const auto& path : texts) {
    CHECK(fs::exists(target / path));
    CHECK_FALSE(fs::equivalent(source / path, target / path));
  }
  CHECK(fs::read_symlink(target / "conf/link") == "../bin/dm-master");
  // By hand, meanwhile.
  fs::remove(target / texts[0]);
  CHECK(CopyPackageTree(source, target).ok());
  CHECK_FALSE(fs::exists(target / texts[0]));
}

TEST_CASE("names of files that share a folder fit, and are never the same") {
  CHECK(FlatName("m1", "conf/dm-master.toml") == "m1+conf+dm-master.toml");
  const std::string instance(128, 'i');
  const std::string file(200, 'f');
  const std::string names[] = {
      FlatName(instance, "dashboards/" + file + "1"),
      FlatName(instance, "dashboards/" + file + "2"), FlatName("g", "dashboards/a/b.json"),
      FlatName("g", "dashboards/a+b.json"), FlatName("g", "dashboards+a/b.json")};
  for (const auto& name : names) {
    CHECK(name.size() <= 255);
    CHECK(name.find('/') == std::string::npos);
  }
  CHECK(std::set<std::string>(std::begin(names), std::end(names)).size() == std::size(names));
}

TEST_CASE("what a killed dmgrd left beside goes later, what another one makes stays") {
  const Folder folder;
  const std::string dir = folder.dir / "cache";
  const fs::path left = folder.dir / ".cache.0123abcd";
  const fs::path made = folder.dir / ".cache.0123abce";
  const fs::path other = folder.dir / ".cache.notes";
  for (const auto& path : {left, made, other}) Put(path / "a");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto& path : {left, other}) fs::last_write_time(path, old);
  REQUIRE(ReplaceFolder(dir, {{"a", "1", 0644}}).ok());
  CHECK_FALSE(fs::exists(left));
  CHECK(fs::exists(made));
  CHECK(fs::exists(other));
  CHECK(std::distance(fs::directory_iterator(folder.dir.path()), {}) == 3);
}

TEST_CASE("two who replace a folder at once: one of them has done it") {
  const Folder folder;
  const std::string dir = folder.dir / "cache";
  const auto replace = [&](char who) {
    for (int i = 0; i < 200; ++i) {
      const std::string content(1, who);
      if (!ReplaceFolder(dir, {{"a", content, 0644}, {"b", content, 0644}}).ok()) return false;
    }
    return true;
  };
  auto other = std::async(std::launch::async, [&] { return replace('1'); });
  CHECK(replace('2'));
  CHECK(other.get());
  CHECK(std::distance(fs::directory_iterator(dir), {}) == 2);
  CHECK(std::distance(fs::directory_iterator(folder.dir.path()), {}) == 1);
}

TEST_CASE("a folder of files is replaced as a whole") {
  const Folder folder;
  const std::string dir = folder.dir / "cache";
  REQUIRE(ReplaceFolder(dir, {{"a", "1", 0644}, {"secret", "2", 0600}}).ok());
  REQUIRE(ReplaceFolder(dir, {{"a", "3", 0600}}).ok());
  CHECK(fs::status(dir + "/a").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(fs::file_size(dir + "/a") == 1);
  CHECK(std::distance(fs::directory_iterator(dir), {}) == 1);
}

}  // namespace
}  // namespace dmgr::clusters
