#include <catch2/catch.hpp>
#include <random>

#include "server/ssh/remote_text.h"

namespace dmgr::ssh {
namespace {

// As in RFC 3629.
bool IsUtf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned first = byte(i);
    std::size_t more = 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
      more = 1;
    } else if (first >= 0xE0 && first <= 0xEF) {
      more = 2;
      if (first == 0xE0) low = 0xA0;
      if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
      more = 3;
      if (first == 0xF0) low = 0x90;
      if (first == 0xF4) high = 0x8F;
    } else if (first >= 0x80) {
      return false;
    }
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) < low || byte(i + k) > high) return false;
      low = 0x80;
      high = 0xBF;
    }
    i += more + 1;
  }
  return true;
}

TEST_CASE("what a host says is made fit for a message") {
  CHECK(RemoteText("  plain text\r\n", 100) == "plain text");
  CHECK(RemoteText("two\nlines\tand \x1b[31mcolour\x07", 100) == "two\nlines\tand [31mcolour");
  CHECK(RemoteText("gr\xC3\xBC\xC3\x9F \xE4\xBD\xA0 \xF0\x9F\x98\x80", 100) ==
        "gr\xC3\xBC\xC3\x9F \xE4\xBD\xA0 \xF0\x9F\x98\x80");
  CHECK(RemoteText("a\xC3(", 100) == "a\xEF\xBF\xBD(");
  // A control character of two bytes.
  CHECK(RemoteText("a\xC2\x9B"
                   "31m",
                   100) == "a31m");
  CHECK(RemoteText("", 100).empty());
  CHECK(RemoteText("abcdef", 3) == "def");
  CHECK(RemoteText("\xC3\xBC\xC3\xBC", 3) == "\xC3\xBC");
}

TEST_CASE("any bytes become bounded valid UTF-8") {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random() % 3 == 0 ? random() : 0xC0 + random() % 64);
    const std::string text = RemoteText(bytes, 20);
    CHECK(text.size() <= 20);
    if (!IsUtf8(text)) FAIL("not UTF-8");
  }
}

}  // namespace
}  // namespace dmgr::ssh
