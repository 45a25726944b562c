// Which keys a known_hosts file has of a host.
#include "client/known_hosts.h"

#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

using Keys = std::vector<std::string>;

constexpr char kKey[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
constexpr char kOther[] = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB";

Keys KeysOf(const std::string& text, const std::string& host, unsigned port = 22) {
  return FindKnownKeys(text, host, port).keys;
}

TEST_CASE("a host is found by its names, with its port unless that is 22", "[known_hosts]") {
  const std::string text = std::string("# db1 ssh-rsa AAAA\n\ndb1,10.0.0.1 ") + kKey +
                           " a comment\r\ndb1 " + kOther + "\n[db1]:2222 " + kOther + "\n";
  CHECK(KeysOf(text, "db1") == Keys{kKey, kOther});
  CHECK(KeysOf(text, "DB1") == Keys{kKey, kOther});
  CHECK(KeysOf(text, "10.0.0.1") == Keys{kKey});
  CHECK(KeysOf(text, "db1", 2222) == Keys{kOther});
  CHECK(KeysOf(text, "10.0.0.1", 2222).empty());
  CHECK(KeysOf(text, "db").empty());
  CHECK(KeysOf(text, "db11").empty());
  CHECK(KeysOf("", "db1").empty());
}

TEST_CASE("names may be patterns, and take a host out", "[known_hosts]") {
  const std::string text = std::string("*.example.com,!bad.example.com,10.0.?.1 ") + kKey + "\n";
  CHECK(KeysOf(text, "a.example.com") == Keys{kKey});
  CHECK(KeysOf(text, "10.0.7.1") == Keys{kKey});
  CHECK(KeysOf(text, "10.0.71.1").empty());
  CHECK(KeysOf(text, "bad.example.com").empty());
  CHECK(KeysOf(text, "example.com").empty());
  CHECK(KeysOf(std::string("* ") + kKey, "any") == Keys{kKey});
}

TEST_CASE("names may be hashed", "[known_hosts]") {
  // By ssh-keygen -H.
  const std::string text =
      "|1|1OlnpFNF8llaqiY14rECxyFmh60=|S+ggQZdyNOgQIUOTFyw1PhpWT+0= ssh-ed25519 "
      "AAAAC3NzaC1lZDI1NTE5AAAAIAPn7LhDxq3+sHkA8O8xLmb2te3DDWx0CieS0qFhLGM6\n"
      "|1|piRaqrFn3YgZtQp3xM4Wpja+FSg=|dHeF1oG5yo9ceJhE2X7UWbRAJRI= ssh-ed25519 "
      "AAAAC3NzaC1lZDI1NTE5AAAAIAPn7LhDxq3+sHkA8O8xLmb2te3DDWx0CieS0qFhLGM6\n"
      "|1|XfnM49dxAM3q3x1kAyHk0jk18nM=|GONCe7vmxUOb8FUPX9Sl5XVLFqs= ssh-ed25519 "
      "AAAAC3NzaC1lZDI1NTE5AAAAIAPn7LhDxq3+sHkA8O8xLmb2te3DDWx0CieS0qFhLGM6\n";
  CHECK(KeysOf(text, "db1").size() == 1);
  CHECK(KeysOf(text, "10.0.0.1").size() == 1);
  CHECK(KeysOf(text, "db1", 2222).size() == 1);
  CHECK(KeysOf(text, "db2").empty());
  CHECK(KeysOf(text, "10.0.0.1", 2222).empty());
}

TEST_CASE("what cannot be read names no host", "[known_hosts]") {
  for (const char* line :
       {"db1", "db1 ssh-ed25519", "|1|", "|1|x|y ssh-ed25519 AAAA", "|1||| ssh-ed25519 AAAA",
        "@revoked", "@ db1 ssh-ed25519 AAAA", "\x01"}) {
    INFO(line);
    CHECK(KeysOf(line, "db1").empty());
  }
}

TEST_CASE("an authority's key is no host's, and a revoked one is told", "[known_hosts]") {
  const std::string text = std::string("@cert-authority * ") + kKey + "\n@revoked * " + kOther +
                           "\ndb1 " + kOther + "\n";
  const KnownKeys known = FindKnownKeys(text, "db1", 22);
  CHECK(known.keys == Keys{kOther});
  CHECK(known.revoked == Keys{kOther});
}

}  // namespace
}  // namespace dmgr::client
