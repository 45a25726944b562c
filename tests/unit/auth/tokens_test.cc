#include "server/auth/tokens.h"

#include <catch2/catch.hpp>
#include <set>

namespace dmgr::auth {
namespace {

TEST_CASE("tokens are new every time, and so are their hashes") {
  std::set<std::string> tokens;
  std::set<std::string> hashes;
  for (int i = 0; i < 100; ++i) {
    const std::string token = NewToken();
    CHECK(token.size() == 48);
    CHECK(token.rfind("dmgr_", 0) == 0);
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_") == std::string::npos);
    CHECK(HashToken(token) == HashToken(token));
    CHECK(HashToken(token).size() == 64);
    CHECK(HashToken(token).find(token.substr(5)) == std::string::npos);
    tokens.insert(token);
    hashes.insert(HashToken(token));
  }
  CHECK(tokens.size() == 100);
  CHECK(hashes.size() == 100);
  // BLAKE2b-256 of "abc", as b2sum -l 256 prints it.
  CHECK(HashToken("abc") == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("tokens of one session have its id in common, and nothing else") {
  const std::string first = NewSessionToken();
  const std::string second = NewSessionToken(first);
  CHECK(first != second);
  CHECK(first.size() == second.size());
  REQUIRE(SessionIdOf(first).has_value());
  CHECK(SessionIdOf(first) == SessionIdOf(second));
  CHECK(SessionIdOf(first) != SessionIdOf(NewSessionToken()));
  CHECK(SessionIdOf(first)->find(first.substr(6, 20)) == std::string::npos);
  for (const std::string& other :
       {std::string(), first + "x", first.substr(1), NewToken(), NewApiToken()}) {
    CHECK_FALSE(SessionIdOf(other).has_value());
  }
  CHECK(IsApiToken(NewApiToken()));
  CHECK_FALSE(IsApiToken(first));
  CHECK_FALSE(IsApiToken(NewApiToken() + "x"));
}

}  // namespace
}  // namespace dmgr::auth
