// Addresses as people write them.
#include "common/address.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace dmgr {
namespace {

TEST_CASE("host and port are joined, and taken apart again") {
  struct Row {
    std::string text, host;
    int port;
  };
  for (const Row& row : std::vector<Row>{{"h1:8261", "h1", 8261},
                                         {"127.0.0.1:0", "127.0.0.1", 0},
                                         {"db_1.example.com:65535", "db_1.example.com", 65535},
                                         {"[::1]:9527", "::1", 9527},
                                         {"[2001:db8::a]:1", "2001:db8::a", 1},
                                         {"[::ffff:10.0.0.1]:22", "::ffff:10.0.0.1", 22}}) {
    CAPTURE(row.text);
    CHECK(JoinHostPort(row.host, row.port) == row.text);
    const auto parsed = ParseHostPort(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->host == row.host);
    CHECK(parsed->port == row.port);
  }
}

TEST_CASE("an address is no name") {
  for (const char* host : {"10.0.0.1", "0.0.0.0", "::", "2001:db8::a"}) CHECK(IsIpAddress(host));
  for (const char* host :
       {"", "h1", "localhost", "10.0.0", "10.0.0.256", "[::1]", "fe80::1%eth0"}) {
    CAPTURE(host);
    CHECK_FALSE(IsIpAddress(host));
  }
  // A zero byte ends no address.
  for (const std::string_view host : {"::1", "127.0.0.1"}) {
    CAPTURE(host);
    std::string longer(host);
    longer += std::string_view("\0.example", 9);
    CHECK_FALSE(IsIpAddress(longer));
    CHECK_FALSE(IsLoopback(longer));
    CHECK_FALSE(ParseHostPort("[" + longer + "]:22").has_value());
  }
}

TEST_CASE("what is no host and port") {
  for (const std::string text : {"",
                                 ":",
                                 "h1",
                                 "h1:",
                                 ":8261",
                                 "h1:x",
                                 "h1:8261x",
                                 "h1:+1",
                                 "h1:-1",
                                 "h1:65536",
                                 "h1:99999999999999999999",
                                 "h1: 1",
                                 "h 1:1",
                                 "h1\n:1",
                                 "h1:1\n",
                                 "::1:8261",
                                 "::1",
                                 "[::1]",
                                 "[::1]:",
                                 "[]:1",
                                 "[h1]:1",
                                 "[::1:1",
                                 "::1]:1",
                                 "[127.0.0.1]:1",
                                 "[::g]:1",
                                 "[1::2::3]:1",
                                 "http://h1:1",
                                 "u@h1:1"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseHostPort(text).has_value());
  }
  CHECK_FALSE(ParseHostPort(std::string("h\0:1", 4)).has_value());
  CHECK(ParseHostPort(std::string(100000, 'a') + ":1").has_value());
}

TEST_CASE("what never leaves this machine") {
  for (const std::string host :
       {"127.0.0.1", "127.0.0.2", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1",
        "::ffff:7f01:203", "localhost", "LocalHost"}) {
    CAPTURE(host);
    CHECK(IsLoopback(host));
  }
  // Names that only begin so, other ways to write a number, and what is no host at all.
  for (const std::string host : {"127.evil.example",
                                 "127.0.0.1.evil.example",
                                 "localhost.evil.example",
                                 "a.localhost",
                                 "localhost.",
                                 "127.1",
                                 "127",
                                 "0x7f.0.0.1",
                                 "2130706433",
                                 "127.0.0.256",
                                 "0.0.0.0",
                                 "::",
                                 "128.0.0.1",
                                 "10.127.0.1",
                                 "::2",
                                 "::127.0.0.1",
                                 "::ffff:10.0.0.1",
                                 "fe80::1",
                                 "[::1]",
                                 "::1%lo",
                                 "127.0.0.1:9527",
                                 " 127.0.0.1",
                                 "127.0.0.1 ",
                                 ""}) {
    CAPTURE(host);
    CHECK_FALSE(IsLoopback(host));
  }
}

}  // namespace
}  // namespace dmgr
