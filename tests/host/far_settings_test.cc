// Settings of a kernel, and what else a check of a host looks at.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr char kSwappiness[] = "/proc/sys/vm/swappiness";
constexpr char kHugePages[] = "/sys/kernel/mm/transparent_hugepage/enabled";

hv1::ToHost Write(const std::string& file, const std::string& value) {
  hv1::ToHost request;
  auto* setting = request.mutable_write_settings()->add_settings();
  setting->set_file(file);
  setting->set_value(value);
  return request;
}

TEST_CASE("settings are read as they are, and what a kernel has not is said") {
  TempRoot root;
  root.Write("proc/sys/vm/swappiness", "60\n");
  root.Write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  fs::create_directories(root / "etc");
  fs::create_symlink("/usr/share/zoneinfo/Europe/Berlin", root / "etc/localtime");
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  auto* asked = request.mutable_read_settings();
  for (const char* file : {kSwappiness, kHugePages, "/proc/sys/fs/nr_open"}) asked->add_files(file);
  const auto reply = far.Call(request).read_settings();
  REQUIRE(reply.settings_size() == 3);
  CHECK(reply.settings(0).exists());
  CHECK(reply.settings(0).writable());
  CHECK(reply.settings(0).value() == "60");
  CHECK(reply.settings(1).value() == "always [madvise] never");
  CHECK_FALSE(reply.settings(2).exists());
  CHECK_FALSE(reply.settings(2).writable());
  CHECK(reply.time_zone() == "Europe/Berlin");
}

TEST_CASE("the file system of a directory that is not there yet is the nearest one's") {
  TempRoot root;
  fs::create_directories(root / "disk");
  root.Mount("disk", 8U << 20);
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_read_settings()->add_dirs("/disk/deploy/x");
  request.mutable_read_settings()->add_dirs("/etc");
  const auto reply = far.Call(request).read_settings();
  REQUIRE(reply.file_systems_size() == 2);
  const auto& disk = reply.file_systems(0);
  CHECK(disk.type() == "tmpfs");
  CHECK(disk.mount_point() == root / "disk");
  CHECK(disk.total_bytes() == (8U << 20));
  CHECK(disk.free_inodes() > 0);
  CHECK(reply.file_systems(1).mount_point() != disk.mount_point());
}

TEST_CASE("settings are written where there are such, and nothing else is") {
  TempRoot root;
  root.Write("proc/sys/vm/swappiness", "60\n");
  root.Write("etc/passwd.d", "mine\n");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Write(kSwappiness, "0")).has_done());
  CHECK(root.Read("proc/sys/vm/swappiness") == "0\n");
  for (const char* file :
       {"/etc/passwd.d", "/proc/sys/../../etc/passwd.d", "/proc/sysrq-trigger"}) {
    CAPTURE(file);
    CHECK(far.Call(Write(file, "0")).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  }
  CHECK(root.Read("etc/passwd.d") == "mine\n");
  // No kernel has it: it is not made.
  CHECK(far.Call(Write(kHugePages, "never")).has_failure());
  CHECK_FALSE(root.Exists(kHugePages + 1));
}

TEST_CASE("who only reads sets nothing") {
  TempRoot root;
  root.Write("proc/sys/vm/swappiness", "60\n");
  FarProcess far(root);
  far.Begin("", 0);
  CHECK(far.Call(Write(kSwappiness, "0")).has_failure());
  CHECK(root.Read("proc/sys/vm/swappiness") == "60\n");
}

}  // namespace
}  // namespace dmgr::test
