// A cluster's folder on the control machine: whose it is, also after a kill.
#include "server/operations/workspace.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "common/error.h"

namespace dmgr::operations {
namespace {

namespace fs = std::filesystem;

constexpr char kOwn[] = "123e4567-e89b-42d3-a456-426614174000";
constexpr char kOther[] = "223e4567-e89b-42d3-a456-426614174000";

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "dmgr-workspace-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string Cluster() const { return path / "cluster/demo"; }
  fs::path path;
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
  const fs::path source = folder.path / "package";
  const fs::path target = folder.path / "copy";
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

TEST_CASE("a folder of files is replaced as a whole") {
  const Folder folder;
  const std::string dir = folder.path / "cache";
  REQUIRE(ReplaceFolder(dir, {{"a", "1", 0644}, {"secret", "2", 0600}}).ok());
  REQUIRE(ReplaceFolder(dir, {{"a", "3", 0600}}).ok());
  CHECK(fs::status(dir + "/a").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(fs::file_size(dir + "/a") == 1);
  CHECK(std::distance(fs::directory_iterator(dir), {}) == 1);
}

}  // namespace
}  // namespace dmgr::operations
