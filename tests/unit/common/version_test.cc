// The version of dmgr, and versions of DM.
#include "common/version.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace dmgr {
namespace {

TEST_CASE("versions of DM") {
  struct Row {
    std::string text;
    int major, minor, patch;
    std::string pre;
  };
  for (const Row& row :
       std::vector<Row>{{"v7.5.1", 7, 5, 1, ""},
                        {"v0.0.0", 0, 0, 0, ""},
                        {"v2.0.10", 2, 0, 10, ""},
                        {"v8.0.0-beta.1", 8, 0, 0, "beta.1"},
                        {"v99999.0.1-nightly-20240101", 99999, 0, 1, "nightly-20240101"}}) {
    CAPTURE(row.text);
    const auto version = DmVersion::Parse(row.text);
    REQUIRE(version.has_value());
    CHECK(version->major == row.major);
    CHECK(version->minor == row.minor);
    CHECK(version->patch == row.patch);
    CHECK(version->pre == row.pre);
  }
  for (const std::string text : {"",           "v",           "7.5.1",
                                 "v7.5",       "v7.5.1.2",    "v7.5.x",
                                 "v07.5.1",    "v7.05.1",     "v7.5.1-",
                                 "v7.5.1 ",    " v7.5.1",     "v7.5.1\n",
                                 "V7.5.1",     "v7.5.1-a/b",  "v7.5.1-../x",
                                 "v-7.5.1",    "v123456.0.0", "v99999999999999999999.0.0",
                                 "latest",     "nightly",     "v7.5.1+",
                                 "v7.5.1+a/b", "v7.5.1+1+2"}) {
    CAPTURE(text);
    CHECK_FALSE(DmVersion::Parse(text).has_value());
  }
  CHECK_FALSE(DmVersion::Parse("v7.5.1-" + std::string(10000, 'a')).has_value());
}

TEST_CASE("a package's version has DM's in it") {
  CHECK(WithoutBuild("v7.5.1+2") == "v7.5.1");
  CHECK(WithoutBuild("v7.5.1") == "v7.5.1");
  CHECK(DmVersion::Parse("v8.0.0-rc.1+x")->pre == "rc.1");
  CHECK(DmVersion::Parse("v8.0.0-rc.1+x")->Release() == DmVersion::Parse("v8.0.0"));
}

TEST_CASE("versions are ordered as numbers, pre-releases first") {
  const std::vector<std::string> ascending = {
      "v2.0.1", "v2.0.9", "v2.0.10", "v2.1.0", "v7.5.1",
      // The same DM in other packages.
      "v7.5.1+2", "v7.5.1+10", "v7.5.1+10.a",
      // As Semantic Versioning has it: numbers by value and before words, the longer one later.
      "v8.0.0-1", "v8.0.0-2", "v8.0.0-11", "v8.0.0-alpha", "v8.0.0-alpha.1", "v8.0.0-alpha.beta",
      "v8.0.0-beta", "v8.0.0-beta.2", "v8.0.0-beta.11", "v8.0.0-beta.12345678901234567890",
      "v8.0.0-rc.1", "v8.0.0", "v8.0.1", "v10.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto a = DmVersion::Parse(ascending[i]);
      const auto b = DmVersion::Parse(ascending[j]);
      CAPTURE(ascending[i], ascending[j]);
      CHECK((*a < *b) == (i < j));
      CHECK((*a == *b) == (i == j));
    }
  }
}

TEST_CASE("versions that differ are never equal, also where semver gives no order") {
  for (const auto& [a, b] :
       std::vector<std::pair<std::string, std::string>>{{"v8.0.0-rc.1", "v8.0.0-rc.01"},
                                                        {"v8.0.0-rc", "v8.0.0-rc."},
                                                        {"v8.0.0-.", "v8.0.0-.."}}) {
    CAPTURE(a, b);
    CHECK_FALSE(*DmVersion::Parse(a) == *DmVersion::Parse(b));
    CHECK((*DmVersion::Parse(a) < *DmVersion::Parse(b)) !=
          (*DmVersion::Parse(b) < *DmVersion::Parse(a)));
  }
}

TEST_CASE("a pre-release has what its release has") {
  CHECK(DmVersion::Parse("v8.0.0-beta.1")->Release() == DmVersion::Parse("v8.0.0"));
  CHECK(DmVersion::Parse("v7.5.1")->Release() == DmVersion::Parse("v7.5.1"));
}

TEST_CASE("this build has a version") {
  CHECK(DmVersion::Parse("v" + std::string(BuildVersion())).has_value());
}

}  // namespace
}  // namespace dmgr
