// Numbers in configurations.
#include "common/numbers.h"

#include <catch2/catch.hpp>

namespace dmgr {
namespace {

TEST_CASE("numbers are written in the shortest way") {
  CHECK(NumberText(1.1) == "1.1");
  CHECK(NumberText(0.25) == "0.25");
  CHECK(NumberText(-3) == "-3");
  CHECK(NumberText(1e14) == "100000000000000");
}

TEST_CASE("what is a number, and is written in another way") {
  for (const char* text : {"0123456", "1.10", "+5", "1e3", "007", "-0.50", "00"}) {
    CAPTURE(text);
    CHECK(IsOddNumber(text));
  }
  for (const char* text : {"", "1", "1.1", "-3", "0", "0.25", "x", "1.2.3", "inf", "0x10", "1 ",
                           "-", "e", "1e999", "2024-01-01"}) {
    CAPTURE(text);
    CHECK_FALSE(IsOddNumber(text));
  }
}

}  // namespace
}  // namespace dmgr
