// Secrets in logs of others.
#include "common/secrets_in_text.h"

#include <catch2/catch.hpp>

namespace dmgr {
namespace {

TEST_CASE("what looks like a secret is hidden", "[secrets]") {
  const auto check = [](const std::string& text, const std::string& clean) {
    CHECK(WithoutSecrets(text) == clean);
  };
  check("mysql://root:pa:ss@db:3306/x", "mysql://root:***@db:3306/x");
  check("dial root:p@ss@tcp(10.0.0.1:3306)/?x", "dial root:***@tcp(10.0.0.1:3306)/?x");
  check("host=db password=hunter2 user=x", "host=db password=*** user=x");
  check("Password = 'two words'; next", "Password = '***'; next");
  check(R"({"from":{"user":"root","password":"s3cret"},"n":1})",
        R"({"from":{"user":"root","password":"***"},"n":1})");
  check(R"([config="{\"to_password\":\"s3cret\",\"n\":1}"])",
        R"([config="{\"to_password\":\"***\",\"n\":1}"])");
  check(R"(\\\"password\\\":\\\"s3cret\\\",\\\"n\\\":1)",
        R"(\\\"password\\\":\\\"***\\\",\\\"n\\\":1)");
  // A quote or a backslash of the value.
  check(R"({"password":"a\"b","n":1})", R"({"password":"***","n":1})");
  check(R"({"password":"a\\","n":1})", R"({"password":"***","n":1})");
  check(R"("{\"password\":\"a\\\"b\\\\\",\"n\":1}")", R"("{\"password\":\"***\",\"n\":1}")");
  check(R"(password="never closed\")", R"(password="***)");
  check("?client_secret=abc&token=def", "?client_secret=***&token=***");
  check("a password=", "a password=");
  check("password=x\npassword=y", "password=***\npassword=***");
}

TEST_CASE("what people read stays", "[secrets]") {
  for (const char* text :
       {"", "password: must have 8 to 1024 bytes", "the password of root@m1 is refused",
        "see http://m1:8261/debug", "mail admin@example.com", "token", "12:30:05 user@host",
        "wrong password\nnext line = 5"}) {
    CHECK(WithoutSecrets(text) == text);
  }
}

TEST_CASE("a long text takes no long time", "[secrets]") {
  CHECK(WithoutSecrets(std::string(1U << 20, 'p')).size() == 1U << 20);
  CHECK(WithoutSecrets(std::string(1U << 20, '@')).size() == 1U << 20);
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "password=";
  CHECK(WithoutSecrets(nested) == "password=***");
  CHECK(WithoutSecrets("password=\"" + std::string(1U << 20, '\\')).size() < 20);
  std::string quotes;
  for (int i = 0; i < 300000; ++i) quotes += "\\\"";
  CHECK(WithoutSecrets("password=\"" + quotes) == "password=\"***");
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "password=x ";
  CHECK(WithoutSecrets(many).size() == many.size() + 2 * 20000);
}

}  // namespace
}  // namespace dmgr
