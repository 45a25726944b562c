#include "server/dm/http.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "common/error.h"
#include "tests/unit/dm/fake_http.h"

namespace dmgr::dm {
namespace {

TEST_CASE("plain requests") {
  FakeServer server;
  server.On("GET /-/ready", {503, "starting", "", false, false});
  const auto reply = HttpGet(server.Url("/-/ready"), In(5));
  REQUIRE(reply.ok());
  CHECK(reply->status == 503);
  CHECK(reply->body == "starting");

  server.On("GET /moved", {302, "", "Location: /-/ready\r\n", false, false});
  CHECK(HttpGet(server.Url("/moved"), In(5))->status == 302);
  server.On("GET /huge", {200, std::string(9 << 20, 'x'), "", false, false});
  CHECK(HttpGet(server.Url("/huge"), In(30)).status().code() ==
        absl::StatusCode::kResourceExhausted);
  server.On("GET /hang", {200, "", "", true, false});
  CHECK(HttpGet(server.Url("/hang"), In(0.2)).status().code() ==
        absl::StatusCode::kDeadlineExceeded);
  CHECK(HttpGet(server.Url("/-/ready"), In(-1)).status().code() ==
        absl::StatusCode::kDeadlineExceeded);
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "http://"}) {
    CAPTURE(url);
    CHECK(HttpGet(url, In(5)).status().code() == absl::StatusCode::kInvalidArgument);
  }
  server.Stop();
  CHECK(HttpGet(server.Url("/"), In(5)).status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a host is reached though nothing listens at the port") {
  FakeServer server;
  std::string address = server.Url("");
  address = address.substr(address.find("//") + 2);
  CHECK(ReachHost(address, In(5)).ok());
  server.Stop();
  CHECK(ReachHost(address, In(5)).ok());
  // To it TCP has no way, whatever routes there are.
  const absl::Status unreached = ReachHost("255.255.255.255:80", In(5));
  CHECK(unreached.code() == absl::StatusCode::kUnavailable);
  CHECK(ReachHost("no address", In(5)).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("the environment's proxy is not used") {
  FakeServer server;
  FakeServer proxy;
  server.On("GET /x", {200, "direct", "", false, false});
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) {
    setenv(name, proxy.Url("").c_str(), 1);
  }
  const auto reply = HttpGet(server.Url("/x"), In(5));
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) unsetenv(name);
  REQUIRE(reply.ok());
  CHECK(reply->body == "direct");
  CHECK(proxy.Asked().empty());
}

TEST_CASE("addresses") {
  CHECK(*UrlOf("10.0.0.1:8261", "/x") == "http://10.0.0.1:8261/x");
  CHECK(*UrlOf("[fd00::1]:8261", "/x") == "http://[fd00::1]:8261/x");
  CHECK(*UrlOf("fd00::1:8261", "/x") == "http://[fd00::1]:8261/x");
  for (const char* address : {"", "host", ":8261", "host:", "a@b:1", "a/b:1", "a:1/..", "a b:1"}) {
    CAPTURE(address);
    CHECK(UrlOf(address, "/").status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace dmgr::dm
