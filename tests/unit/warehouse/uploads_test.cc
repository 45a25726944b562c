// Unfinished uploads: what is kept of them, and for how long.
#include "server/warehouse/uploads.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace dmgr::warehouse {
namespace {

namespace fs = std::filesystem;

void MakeOld(const std::string& path) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(48));
}

TEST_CASE("what nobody goes on with is removed, what is new, under way or no upload stays") {
  const test::TempDir dir;
  const std::string old_part = dir.Write("uploads/" + std::string(64, 'a') + ".part", "12345");
  const std::string old_work = dir.Write("uploads/" + std::string(64, 'a') + ".work/x", "1");
  const std::string new_part = dir.Write("uploads/" + std::string(64, 'b') + ".part", "123");
  const std::string busy_part = dir.Write("uploads/" + std::string(64, 'c') + ".part", "12");
  const std::string other = dir.Write("uploads/notes.part", "1");
  for (const auto& path : {old_part, fs::path(old_work).parent_path().string(), busy_part, other}) {
    MakeOld(path);
  }
  Uploads uploads(dir.path());
  CHECK(uploads.Unfinished().files == 4);
  CHECK(uploads.Unfinished().bytes == 11);
  v1::UploadHeader header;
  header.set_file_name("dm-v7.5.1.tar.gz");
  header.set_sha256(std::string(64, 'c'));
  header.set_size_bytes(100);
  const auto incoming = uploads.Begin(header, "package v7.5.1");
  REQUIRE(incoming.ok());

  CHECK(uploads.Prune(absl::Hours(24)) == 1);
  CHECK_FALSE(fs::exists(old_part));
  CHECK_FALSE(fs::exists(old_work));
  for (const auto& path : {new_part, busy_part, other}) {
    CAPTURE(path);
    CHECK(fs::exists(path));
  }
  CHECK(uploads.Prune(absl::Hours(24)) == 0);
  CHECK(Uploads(dir / "nowhere").Prune(absl::Hours(24)) == 0);
}

}  // namespace
}  // namespace dmgr::warehouse
