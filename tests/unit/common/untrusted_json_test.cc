// JSON of hosts that mean harm.
#include "common/untrusted_json.h"

#include <catch2/catch.hpp>
#include <string>

namespace dmgr {
namespace {

std::string Nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST_CASE("JSON is read up to its limits, and no further") {
  CHECK(ParseUntrustedJson(Nested(32)).has_value());
  CHECK_FALSE(ParseUntrustedJson(Nested(33)).has_value());
  CHECK_FALSE(ParseUntrustedJson(Nested(100'000), {.bytes = 1 << 20}).has_value());
  CHECK_FALSE(ParseUntrustedJson(std::string(100'000, '['), kListLimits).has_value());
  CHECK_FALSE(ParseUntrustedJson('"' + std::string(64 << 10, 'x') + '"').has_value());
  std::string wide = "[1";
  for (int i = 0; i < 10'000; ++i) wide += ",1";
  CHECK_FALSE(ParseUntrustedJson(wide + "]").has_value());
  CHECK(ParseUntrustedJson(wide + "]", kListLimits).has_value());
}

TEST_CASE("what stands in a text is no bracket") {
  const auto parsed =
      ParseUntrustedJson(R"({"a\"": "[[[[\\", "b": [1]})", {.values = 5, .depth = 2});
  REQUIRE(parsed.has_value());
  CHECK((*parsed)["a\""] == "[[[[\\");
  CHECK_FALSE(ParseUntrustedJson("").has_value());
  CHECK_FALSE(ParseUntrustedJson("\"\\").has_value());
  CHECK_FALSE(ParseUntrustedJson("]]]]").has_value());
}

}  // namespace
}  // namespace dmgr
