// Where clusters may have their files on the control machine.
#include "server/clusters/cluster_roots.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/error.h"
#include "tests/support/temp_dir.h"

namespace dmgr::clusters {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a path is one of the roots, or below one") {
  const std::vector<std::string> roots = {"/var/lib/dmgrd", "/srv/dm/"};
  for (const char* path :
       {"/var/lib/dmgrd", "/var/lib/dmgrd/", "/var/lib/dmgrd/a/b", "/srv/dm/x"}) {
    INFO(path);
    CHECK(IsBelow(roots, path));
  }
  for (const char* path : {"/", "/var/lib", "/var/lib/dmgrd2", "/var/lib/dmgrd/../other", "/srv",
                           "/srv/dmx", "/home/mallory/x", "/etc/systemd/system"}) {
    INFO(path);
    CHECK_FALSE(IsBelow(roots, path));
  }
  CHECK_FALSE(IsBelow({}, "/srv"));
  CHECK(IsBelow({"/"}, "/srv"));
}

TEST_CASE("nobody else can put something in the way of a cluster's files") {
  const test::TempDir place;
  fs::create_directories(place / "a/b");
  CHECK(CheckOwnPath(place / "a/b").ok());
  CHECK(CheckOwnPath(place / "a/b/new/cluster/demo").ok());
  SECTION("a folder that others may write") {
    fs::permissions(place / "a", fs::perms(0777));
    CHECK(Reason(CheckOwnPath(place / "a/b")) == "CLUSTER_PATH_UNSAFE");
  }
  SECTION("or its group") {
    fs::permissions(place / "a/b", fs::perms(0775));
    const auto refused = CheckOwnPath(place / "a/b/new");
    CHECK(Metadata(refused, "path") == (place / "a/b"));
  }
  SECTION("a folder like /tmp, in which there is nothing yet") {
    fs::permissions(place / "a/b", fs::perms(01777));
    CHECK(Reason(CheckOwnPath(place / "a/b/new/cluster")) == "CLUSTER_PATH_UNSAFE");
    fs::create_directory(place / "a/b/new");
    CHECK(CheckOwnPath(place / "a/b/new/cluster").ok());
  }
  SECTION("a link to where others write") {
    fs::create_directory(place / "open");
    fs::create_directory(place / "open/b");
    fs::permissions(place / "open", fs::perms(0777));
    fs::create_symlink(place / "open/b", place / "a/link");
    CHECK(Reason(CheckOwnPath(place / "a/link/cluster")) == "CLUSTER_PATH_UNSAFE");
  }
  SECTION("a file") { CHECK(Reason(CheckOwnPath("/etc/passwd/x")) == "CLUSTER_PATH_UNSAFE"); }
  if (geteuid() != 0) return;
  SECTION("a folder of another user") {
    REQUIRE(chown((place / "a").c_str(), 4201, 4201) == 0);
    CHECK(Reason(CheckOwnPath(place / "a/b")) == "CLUSTER_PATH_UNSAFE");
  }
}

}  // namespace
}  // namespace dmgr::clusters
