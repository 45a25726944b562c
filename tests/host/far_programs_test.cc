// The builds of the far end that are on a host.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

std::string FolderOf(char hash) { return "var/lib/dmgr/" + std::string(64, hash); }
std::string ProgramOf(char hash) { return FolderOf(hash) + "/dmgr-host"; }

// A folder and what is in it, nine days old.
void MakeOld(const TempRoot& root, const std::string& folder) {
  const auto then = fs::file_time_type::clock::now() - std::chrono::hours(9 * 24);
  for (const auto& entry : fs::directory_iterator(root / folder)) {
    if (!entry.is_symlink()) fs::last_write_time(entry.path(), then);
  }
  fs::last_write_time(root / folder, then);
}

void PlaceProgram(const TempRoot& root, char hash) {
  fs::create_directories(root / FolderOf(hash));
  fs::copy_file(DMGR_FAR_PROGRAM, root / ProgramOf(hash));
}

hv1::FromHost BeginWithCare(FarProcess& far, hv1::Begin::Mode mode, std::uint32_t days) {
  REQUIRE(far.TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost request;
  auto* begin = request.mutable_begin();
  begin->set_mode(mode);
  if (mode == hv1::Begin::MODE_CHANGE) {
    begin->set_cluster_uuid(kClusterA);
    begin->set_epoch(1);
    begin->set_start_number(1);
  }
  begin->set_unused_program_days(days);
  return far.Call(request);
}

TEST_CASE("far ends of other builds go when nobody has used them for days, and nothing else does") {
  TempRoot root;
  PlaceProgram(root, 'e');
  MakeOld(root, FolderOf('e'));
  // Of a former dmgrd, with what an upload has left.
  root.Write(ProgramOf('a'), "x", 0755);
  root.Write(FolderOf('a') + "/part-0123456789abcdef", "x");
  MakeOld(root, FolderOf('a'));
  // Of an upload alone.
  root.Write(FolderOf('1') + "/part-0123456789abcdef", "x");
  MakeOld(root, FolderOf('1'));
  // Another dmgrd has used it yesterday, or a moment ago.
  root.Write(ProgramOf('b'), "x", 0755);
  MakeOld(root, FolderOf('b'));
  fs::last_write_time(root / ProgramOf('b'),
                      fs::file_time_type::clock::now() - std::chrono::hours(24));
  root.Write(FolderOf('2') + "/part-0123456789abcdef", "x");
  // Not dmgr's alone.
  root.Write(ProgramOf('c'), "x", 0755);
  root.Write(FolderOf('c') + "/notes", "x");
  MakeOld(root, FolderOf('c'));
  root.Write("var/lib/dmgr/others/dmgr-host", "x", 0755);
  MakeOld(root, "var/lib/dmgr/others");
  // No folder of dmgr's.
  root.Write("srv/kept/dmgr-host", "x", 0755);
  MakeOld(root, "srv/kept");
  fs::create_symlink(root / "srv/kept", root / FolderOf('f'));
  // It runs.
  PlaceProgram(root, 'd');
  MakeOld(root, FolderOf('d'));
  FarProcess other(root, root / ProgramOf('d'));
  REQUIRE(other.Begin("", 0).has_begin());

  FarProcess far(root, root / ProgramOf('e'));
  const hv1::FromHost begun = BeginWithCare(far, hv1::Begin::MODE_CHANGE, 7);
  REQUIRE(begun.has_begin());
  CHECK(begun.begin().removed_programs() == 2);
  CHECK_FALSE(root.Exists(FolderOf('a')));
  CHECK_FALSE(root.Exists(FolderOf('1')));
  for (const char hash : {'b', 'c', 'd', 'e'}) {
    INFO(hash);
    CHECK(root.Exists(ProgramOf(hash)));
  }
  CHECK(root.Exists(FolderOf('2') + "/part-0123456789abcdef"));
  CHECK(root.Exists("var/lib/dmgr/others/dmgr-host"));
  CHECK(root.Exists("srv/kept/dmgr-host"));
  CHECK(fs::is_symlink(root / FolderOf('f')));
  // It is in use from now on.
  CHECK(fs::last_write_time(root / ProgramOf('e')) >
        fs::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST_CASE("far ends of other builds stay with who only reads, and where nobody says for how long") {
  TempRoot root;
  root.Write(ProgramOf('a'), "x", 0755);
  MakeOld(root, FolderOf('a'));
  FarProcess reads(root);
  CHECK(BeginWithCare(reads, hv1::Begin::MODE_READ, 7).begin().removed_programs() == 0);
  CHECK(root.Exists(ProgramOf('a')));
  FarProcess changes(root);
  REQUIRE(BeginWithCare(changes, hv1::Begin::MODE_CHANGE, 0).has_begin());
  CHECK(root.Exists(ProgramOf('a')));
}

}  // namespace
}  // namespace dmgr::test
