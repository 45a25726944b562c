// Identifiers and random values.
#include "common/ids.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dmgr {
namespace {

TEST_CASE("UUIDs are random, of version 4 and lower case") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = NewUuid();
    REQUIRE(IsUuid(uuid));
    CHECK(uuid[14] == '4');
    CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
    CHECK(uuid.find_first_of("ABCDEF") == std::string::npos);
    seen.insert(uuid);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("what is a UUID") {
  CHECK(IsUuid("123e4567-e89b-42d3-a456-426614174000"));
  CHECK(IsUuid("123E4567-E89B-42D3-A456-426614174000"));
  for (const std::string text :
       {"", "123e4567e89b42d3a456426614174000", "123e4567-e89b-42d3-a456-42661417400",
        "123e4567-e89b-42d3-a456-4266141740000", "123e4567-e89b-42d3-a456_426614174000",
        "123e4567-e89b-42d3-a456-42661417400g", "{23e4567-e89b-42d3-a456-42661417400}",
        "123e4567-e89b-42d3-a456-42661417400\n"}) {
    CAPTURE(text);
    CHECK_FALSE(IsUuid(text));
  }
}

TEST_CASE("random bytes have the size asked for and differ") {
  CHECK(RandomBytes(0).empty());
  CHECK(RandomBytes(32).size() == 32);
  CHECK(RandomBytes(32) != RandomBytes(32));
}

TEST_CASE("hex") {
  CHECK(HexEncode("").empty());
  CHECK(HexEncode(std::string("\x00\x7f\x80\xff", 4)) == "007f80ff");
}

TEST_CASE("base64 of URLs, as RFC 4648 has it") {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [bytes, text] : pairs) {
    CHECK(Base64UrlEncode(bytes) == text);
    CHECK(Base64UrlDecode(text) == bytes);
  }
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string bytes = RandomBytes(size);
    CHECK(Base64UrlDecode(Base64UrlEncode(bytes)) == bytes);
  }
  for (const std::string text :
       {"Zg==", "Zm9v ", " Zm9v", "Zm9v\n", "+//+", "Z", "Zm9vY", "Zm\0v", "\x80\x80mm"}) {
    CAPTURE(text);
    CHECK_FALSE(Base64UrlDecode(text).has_value());
  }
}

}  // namespace
}  // namespace dmgr
