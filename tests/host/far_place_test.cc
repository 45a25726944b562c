// Releases: place.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <iterator>

#include "tests/host/far_process.h"
#include "tests/host/far_release.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

hv1::ToHost PlaceRequest(const Release& release, const std::string& source,
                         const std::string& target) {
  hv1::ToHost request;
  request.mutable_place_releases()->set_store_dir(kStore);
  auto* placement = request.mutable_place_releases()->add_placements();
  placement->set_hash(release.hash);
  placement->set_source(source);
  placement->set_target(target);
  return request;
}

TEST_CASE("programs are placed by link, trees by a symbolic link, and switched at once") {
  TempRoot root;
  const Release release = MakeRelease(root);
  fs::create_directories(root / "opt/dm/bin");
  root.Write("opt/dm/bin/dm-worker", "the old one", 0755);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(Push(far, release).has_done());
  const auto program = PlaceRequest(release, "bin/dm-worker", "/opt/dm/bin/dm-worker");
  REQUIRE(far.Call(program).has_done());
  const std::string source = std::string(kStore) + "/" + release.hash + "/bin/dm-worker";
  const auto placed = StatOf(root / "opt/dm/bin/dm-worker");
  CHECK(placed.st_ino == StatOf(root / source).st_ino);
  REQUIRE(far.Call(program).has_done());
  CHECK(StatOf(root / "opt/dm/bin/dm-worker").st_nlink == 2);

  const auto tree = PlaceRequest(release, "homepath", "/opt/dm/homepath");
  REQUIRE(far.Call(tree).has_done());
  REQUIRE(far.Call(tree).has_done());
  CHECK(fs::read_symlink(root / "opt/dm/homepath") ==
        std::string(kStore) + "/" + release.hash + "/homepath");
  CHECK(std::distance(fs::directory_iterator(root / "opt/dm/bin"), {}) == 1);

  // What is not as it was placed is named.
  hv1::ToHost query;
  auto* asked = query.mutable_query_placements();
  *asked = program.place_releases();
  *asked->add_placements() = tree.place_releases().placements(0);
  CHECK(far.Call(query).query_placements().differing().empty());
  fs::remove(root / "opt/dm/homepath");
  root.Write("opt/dm/bin/new", "another one", 0755);
  fs::rename(root / "opt/dm/bin/new", root / "opt/dm/bin/dm-worker");
  const auto differing = far.Call(query).query_placements().differing();
  REQUIRE(differing.size() == 2);
  CHECK(differing[0] == "/opt/dm/bin/dm-worker");
  CHECK(differing[1] == "/opt/dm/homepath");
  asked->mutable_placements(0)->set_hash(std::string(64, 'c'));
  CHECK(far.Call(query).query_placements().differing_size() == 2);

  CHECK(far.Call(PlaceRequest(release, "bin/none", "/opt/dm/bin/x")).failure().error_number() ==
        ENOENT);
  CHECK(far.Call(PlaceRequest(release, "../x", "/opt/dm/bin/x")).failure().kind() ==
        hv1::Failure::KIND_BAD_REQUEST);
  CHECK(far.Call(PlaceRequest(release, "homepath", "/opt/dm/bin")).failure().kind() ==
        hv1::Failure::KIND_CONFLICT);
  Release other = release;
  other.hash = std::string(64, 'b');
  CHECK(far.Call(PlaceRequest(other, "bin", "/opt/dm/x")).failure().kind() ==
        hv1::Failure::KIND_NOT_FOUND);
}

TEST_CASE("where no link can be made a copy takes its place") {
  TempRoot root;
  const Release release = MakeRelease(root);
  root.Mount("data", 16 << 20);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(Push(far, release).has_done());
  const auto program = PlaceRequest(release, "bin/dm-worker", "/data/dm-worker");
  REQUIRE(far.Call(program).has_done());
  const auto first = StatOf(root / "data/dm-worker");
  CHECK(root.Read("data/dm-worker") == Noise(3 << 20, 1));
  CHECK(first.st_uid == 0);
  CHECK((first.st_mode & 07777) == 0755);
  REQUIRE(far.Call(program).has_done());
  CHECK(StatOf(root / "data/dm-worker").st_ino == first.st_ino);
  // One that somebody else put there is replaced.
  root.Write("data/dm-worker", "x");
  REQUIRE(far.Call(program).has_done());
  CHECK(StatOf(root / "data/dm-worker").st_size == 3 << 20);
  // What only its content tells is another one where it is read.
  const auto time = fs::last_write_time(root / "data/dm-worker");
  root.Write("data/dm-worker", Noise(3 << 20, 2), 0755);
  fs::last_write_time(root / "data/dm-worker", time);
  hv1::ToHost query;
  *query.mutable_query_placements() = program.place_releases();
  CHECK(far.Call(query).query_placements().differing().empty());
  query.mutable_query_placements()->set_by_content(true);
  CHECK(far.Call(query).query_placements().differing_size() == 1);
  auto by_content = program;
  by_content.mutable_place_releases()->set_by_content(true);
  REQUIRE(far.Call(by_content).has_done());
  CHECK(root.Read("data/dm-worker") == Noise(3 << 20, 1));
}

}  // namespace
}  // namespace dmgr::test
