#include "common/toml_keys.h"

#include <catch2/catch.hpp>
#include <string>

namespace dmgr {
namespace {

std::string Key(int parts, const std::string& part = "a", const std::string& dot = ".") {
  std::string key = part;
  for (int i = 1; i < parts; ++i) key += dot + part;
  return key;
}

}  // namespace

TEST_CASE("a TOML key has 32 parts at most, however it is written") {
  CHECK(LineOfLongTomlKey("") == 0);
  CHECK(LineOfLongTomlKey(Key(32) + " = 1\n") == 0);
  CHECK(LineOfLongTomlKey("x = 1\n" + Key(33) + " = 1\n") == 2);
  CHECK(LineOfLongTomlKey("[" + Key(33) + "]\n") == 1);
  CHECK(LineOfLongTomlKey("[[" + Key(33) + "]]\n") == 1);
  CHECK(LineOfLongTomlKey("x = {y = 1, " + Key(33) + " = 1}\n") == 1);
  CHECK(LineOfLongTomlKey(Key(33, "\"a\\\"b\"", " . ") + " = 1\n") == 1);
  CHECK(LineOfLongTomlKey(Key(33, "'a.b\\'") + " = 1\n") == 1);
  CHECK(LineOfLongTomlKey("x = \"\"\"\n\"\"\"\n" + Key(33) + " = 1\n") == 3);
  CHECK(LineOfLongTomlKey("x = \"open\n" + Key(33) + " = 1\n") == 2);
}

TEST_CASE("dots of other things than a TOML key do not count") {
  std::string floats = "x = [";
  for (int i = 0; i < 100; ++i) floats += "1.5, ";
  CHECK(LineOfLongTomlKey(floats + "]\n") == 0);
  CHECK(LineOfLongTomlKey("# " + Key(100) + "\n") == 0);
  CHECK(LineOfLongTomlKey("x = \"" + Key(100) + "\"\n") == 0);
  CHECK(LineOfLongTomlKey("x = '" + Key(100) + "'\n") == 0);
  CHECK(LineOfLongTomlKey("x = \"\"\"\n" + Key(100) + "\n\"" + Key(100) + "\"\"\"\n") == 0);
  CHECK(LineOfLongTomlKey("x = '''" + Key(100) + "\\'''\n") == 0);
  CHECK(LineOfLongTomlKey(Key(20) + " = 1\n" + Key(20) + " = 2\n") == 0);
}

}  // namespace dmgr
