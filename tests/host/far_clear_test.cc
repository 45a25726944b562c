// Directories that are emptied, and stay.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/host/far_account.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kUserId = 5001;
const char kData[] = "/opt/dmgr/dm-master/data";

// Of the user dm.
void MakeDir(FarProcess& far, const std::string& path) {
  hv1::ToHost request;
  auto* dir = request.mutable_make_dirs()->add_dirs();
  dir->set_path(path);
  dir->set_mode(0700);
  dir->set_owner("dm");
  dir->set_group("dm");
  REQUIRE(far.Call(request).has_done());
}

void WriteAs(const TempRoot& root, const std::string& path, uid_t user) {
  root.Write(path, std::string(5000, 'x'));
  REQUIRE(chown((root / path).c_str(), user, user) == 0);
}

hv1::ToHost Clearing(const std::string& dir) {
  hv1::ToHost request;
  auto* clear = request.mutable_clear_dirs();
  clear->add_units("dm-master-8261.service");
  clear->add_dirs(dir);
  clear->set_user("dm");
  return request;
}

TEST_CASE("a directory loses what its user wrote, and stays as it is") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Ensure("dm", kKeyA)).has_ensure_account());
  MakeDir(far, kData);
  const std::string data = std::string(kData).substr(1);
  WriteAs(root, data + "/member/wal/0.wal", kUserId);
  fs::create_directories(root / "srv");
  WriteAs(root, "srv/kept", kUserId);
  fs::create_symlink("/srv", root / (data + "/link"));
  REQUIRE(lchown((root / (data + "/link")).c_str(), kUserId, kUserId) == 0);
  for (const char* dir : {"/member", "/member/wal"}) {
    REQUIRE(chown((root / (data + dir)).c_str(), kUserId, kUserId) == 0);
  }

  const auto reply = far.Call(Clearing(kData));
  REQUIRE(reply.has_clear_dirs());
  CHECK(reply.clear_dirs().left().empty());
  CHECK(reply.clear_dirs().removed_files() == 2);
  CHECK(reply.clear_dirs().removed_bytes() >= 5000);
  CHECK(fs::is_empty(root / data));
  CHECK(root.Exists("srv/kept"));
  struct stat info = {};
  REQUIRE(stat((root / data).c_str(), &info) == 0);
  CHECK(info.st_uid == kUserId);
  CHECK((info.st_mode & 07777) == 0700);

  // And again.
  CHECK(far.Call(Clearing(kData)).clear_dirs().removed_files() == 0);
}

TEST_CASE("what is not the user's, or was written by dmgr, stays in a directory that is emptied") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Ensure("dm", kKeyA)).has_ensure_account());
  MakeDir(far, kData);
  const std::string data = std::string(kData).substr(1);
  WriteAs(root, data + "/wal", kUserId);
  WriteAs(root, data + "/backup/mine.sql", 0);
  hv1::ToHost files;
  auto* file = files.mutable_write_files()->add_files();
  file->set_path(std::string(kData) + "/conf.toml");
  file->set_owner("dm");
  file->set_group("dm");
  file->set_mode(0644);
  file->set_content("x");
  REQUIRE(far.Call(files).has_done());

  const auto reply = far.Call(Clearing(kData));
  REQUIRE(reply.clear_dirs().left_size() == 1);
  CHECK(reply.clear_dirs().left(0) == std::string(kData) + "/backup/mine.sql");
  CHECK_FALSE(root.Exists(data + "/wal"));
  CHECK(root.Exists(data + "/backup/mine.sql"));
  CHECK(root.Exists(data + "/conf.toml"));
}

TEST_CASE("another cluster's directory is not emptied") {
  TempRoot root;
  AddAccountPrograms(root);
  {
    FarProcess other(root);
    other.Begin(kClusterB, 1);
    REQUIRE(other.Call(Ensure("dm", kKeyB)).has_ensure_account());
    MakeDir(other, kData);
  }
  const std::string data = std::string(kData).substr(1);
  WriteAs(root, data + "/wal", kUserId);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto reply = far.Call(Clearing(kData));
  REQUIRE(reply.clear_dirs().left_size() == 1);
  CHECK(reply.clear_dirs().left(0) == kData);
  CHECK(root.Exists(data + "/wal"));
}

}  // namespace
}  // namespace dmgr::test
