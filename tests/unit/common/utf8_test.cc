// Text of others.
#include "common/utf8.h"

#include <catch2/catch.hpp>

namespace dmgr {
namespace {

TEST_CASE("a text becomes one line, which shows what it has", "[utf8]") {
  CHECK(OneLine("", 10).empty());
  CHECK(OneLine("x\n2026 [info] all is well\r\t", 100) == R"(x\n2026 [info] all is well\r\t)");
  CHECK(OneLine("\x1b]52;c;eA==\x07\x7f", 100) == R"(\x1b]52;c;eA==\x07\x7f)");
  // U+009B, and the byte alone, begin a sequence for some terminals.
  CHECK(OneLine("\xc2\x9b \x9b \xc3\xa4 \xe2\x82\xac", 100) ==
        "\\xc2\\x9b \\x9b \xc3\xa4 \xe2\x82\xac");
  // What was written so is told from what was there.
  CHECK(OneLine(R"(a\nb)", 100) == R"(a\\nb)");
  CHECK(OneLine(std::string_view("a\0b", 3), 100) == R"(a\x00b)");
}

TEST_CASE("a text that is too long is cut between characters, and says so", "[utf8]") {
  CHECK(OneLine("abcdef", 6) == "abcdef");
  CHECK(OneLine("abcdef", 4) == "abcd ... (2 bytes more)");
  CHECK(OneLine("ab\xe2\x82\xac-", 3) == "ab\xe2\x82\xac ... (1 bytes more)");
  CHECK(OneLine(std::string(1U << 20, '\n'), 10).size() < 60);
}

TEST_CASE("forms that are no UTF-8 are none", "[utf8]") {
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"}) {
    CHECK(Utf8Length(text) == 0);
  }
  CHECK(Utf8Length("\xf4\x8f\xbf\xbf") == 4);
  CHECK(Utf8Length("\xed\x9f\xbf") == 3);
}

}  // namespace
}  // namespace dmgr
