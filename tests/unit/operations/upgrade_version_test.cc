// Which version may follow which without a further word.
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/operations/upgrade/upgrade.h"

namespace dmgr::operations {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("what is newer needs no word") {
  for (const auto& [from, to] : Pairs{{"v7.5.1", "v7.5.2"},
                                      {"v7.5.10", "v8.0.0-alpha"},
                                      {"v8.0.0-beta.2", "v8.0.0-beta.11"},
                                      {"v8.0.0-rc.1", "v8.0.0"}}) {
    CAPTURE(from, to);
    CHECK(DowngradeProblem(from, to).empty());
    CHECK(DowngradeProblem(to, from) == from + " is older than " + to);
  }
}

TEST_CASE("a release is newer than what led to it") {
  CHECK(DowngradeProblem("v8.0.0", "v8.0.0-beta.1") == "v8.0.0-beta.1 is older than v8.0.0");
  CHECK(DowngradeProblem("v8.0.0-beta.2", "v8.0.0-beta.1") ==
        "v8.0.0-beta.1 is older than v8.0.0-beta.2");
}

TEST_CASE("what is no version may be older") {
  CHECK(DowngradeProblem("nightly", "v8.0.0") ==
        "whether v8.0.0 is newer than nightly cannot be told");
  CHECK_FALSE(DowngradeProblem("v8.0.0", "8.0.1").empty());
}

}  // namespace
}  // namespace dmgr::operations
