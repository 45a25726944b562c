// What is in the way of an operation that makes and renames directories.
#include "server/clusters/path_needs.h"

#include <catch2/catch.hpp>

namespace dmgr::clusters {
namespace {

TEST_CASE("what is there already or cannot be renamed is told by its path") {
  const PathNeeds needs = {.absent = {"/d/tls", "/e/tls"}, .movable = {"/d/data", "/e/data"}};
  CHECK(InspectionOf(needs).paths_size() == 4);
  hv1::InspectReply seen;
  const auto add = [&](const char* path, hv1::PathState::Type type) {
    auto* state = seen.add_paths();
    state->set_path(path);
    state->set_type(type);
    return state;
  };
  add("/e/tls", hv1::PathState::TYPE_ABSENT);
  add("/e/data", hv1::PathState::TYPE_DIRECTORY);
  CHECK(PathConflicts(needs, seen).empty());
  SECTION("a folder") {
    add("/d/tls", hv1::PathState::TYPE_DIRECTORY)->set_empty(true);
    REQUIRE(PathConflicts(needs, seen).size() == 1);
    CHECK_THAT(PathConflicts(needs, seen).front(), Catch::StartsWith("/d/tls is there already"));
  }
  SECTION("a link") {
    add("/d/tls", hv1::PathState::TYPE_SYMLINK)->set_blocked_by("/d/tls");
    CHECK(PathConflicts(needs, seen).size() == 1);
  }
  SECTION("what ends the way there") {
    add("/d/tls", hv1::PathState::TYPE_OTHER)->set_blocked_by("/d");
    REQUIRE(PathConflicts(needs, seen).size() == 1);
    CHECK_THAT(PathConflicts(needs, seen).front(), Catch::StartsWith("/d is there already"));
  }
  SECTION("a mount point") {
    add("/d/data", hv1::PathState::TYPE_DIRECTORY)->set_mount_point(true);
    REQUIRE(PathConflicts(needs, seen).size() == 1);
    CHECK_THAT(PathConflicts(needs, seen).front(), Catch::StartsWith("/d/data is a mount point"));
  }
}

}  // namespace
}  // namespace dmgr::clusters
