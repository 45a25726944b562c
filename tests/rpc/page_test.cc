// dmgrd's page over real HTTP: who sees what of it, and what it refuses.
#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "tests/rpc/certificates.h"
#include "tests/rpc/fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

struct WebQuestion {
  std::string path = "/";
  // "name=value"; empty: none.
  std::string cookie{};
  // Of a form; empty: a GET.
  std::string form{};
  // "Name: value".
  std::vector<std::string> headers{};
  // File with the CA, for TLS.
  std::string ca{};
  int port = 0;
};
struct WebAnswer {
  long status = 0;
  std::string head;
  std::string body;
};

std::size_t Append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

// Without following redirections. Status 0: it was hung up on.
WebAnswer Browse(const WebQuestion& question) {
  WebAnswer answer;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  REQUIRE(curl != nullptr);
  const int port = question.port == 0 ? PagePort() : question.port;
  const std::string url = fmt::format("{}://127.0.0.1:{}{}", question.ca.empty() ? "http" : "https",
                                      port, question.path);
  curl_slist* headers = nullptr;
  for (const auto& header : question.headers) headers = curl_slist_append(headers, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> freed(headers,
                                                                          &curl_slist_free_all);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
  if (!question.cookie.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_COOKIE, question.cookie.c_str());
  }
  if (!question.form.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(question.form.size()));
    curl_easy_setopt(curl.get(), CURLOPT_COPYPOSTFIELDS, question.form.data());
  }
  if (!question.ca.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, question.ca.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.head);
  if (curl_easy_perform(curl.get()) != CURLE_OK) return {};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

constexpr char kForm[] = "user=admin&password=correct+horse+battery";

// The page as somebody with this session sees it.
WebAnswer Seen(const std::string& token, const std::string& path) {
  return Browse({.path = path, .cookie = "dmgr_session=" + token});
}

TEST_CASE("without a login the page shows nothing but a form", "[rpc][page]") {
  Daemon();
  for (const char* path : {"/", "/operations", "/tasks", "/clusters/any", "/nothing"}) {
    INFO(path);
    const auto refused = Browse({.path = path});
    CHECK(refused.status == 303);
    CHECK_THAT(refused.head, Catch::Contains("Location: /login"));
    CHECK(refused.body.empty());
    CHECK(Browse({.path = std::string(path) + "?part=1"}).status == 401);
  }
  const auto form = Browse({.path = "/login"});
  CHECK(form.status == 200);
  CHECK_THAT(form.body, Catch::Contains("type=\"password\""));
  CHECK_THAT(form.head, Catch::Contains("default-src 'none'") &&
                            Catch::Contains("frame-ancestors 'none'") &&
                            Catch::Contains("X-Content-Type-Options: nosniff") &&
                            Catch::Contains("Cache-Control: no-store"));
  CHECK_THAT(Browse({.path = "/page.css"}).body, Catch::Contains("prefers-color-scheme: dark"));
  CHECK_THAT(Browse({.path = "/page.js"}).head, Catch::Contains("text/javascript"));
  CHECK(Browse({.path = "/favicon.ico"}).status == 204);
}

TEST_CASE("a login makes a session whose cookie no script reads, and a logout ends it",
          "[rpc][page]") {
  Daemon();
  const auto wrong = Browse({.path = "/login", .form = "user=admin&password=another+password"});
  CHECK(wrong.status == 401);
  CHECK_THAT(wrong.head, !Catch::Contains("dmgr_session"));
  CHECK_THAT(wrong.body, Catch::Contains("role=\"alert\"") && !Catch::Contains("another password"));
  const auto in = Browse({.path = "/login", .form = kForm});
  REQUIRE(in.status == 303);
  CHECK_THAT(in.head,
             Catch::Contains("; Path=/; HttpOnly; SameSite=Strict") && !Catch::Contains("Secure"));
  const auto begin = in.head.find("dmgr_session=");
  REQUIRE(begin != std::string::npos);
  const std::string cookie = in.head.substr(begin, in.head.find(';', begin) - begin);
  const auto shown = Browse({.cookie = cookie});
  CHECK(shown.status == 200);
  CHECK_THAT(shown.body, Catch::Contains("admin") && Catch::Contains("/logout"));
  // The audit log has it as any login, with where the browser is.
  CHECK(Sql("SELECT count(*) > 0 FROM audit_log WHERE method LIKE '%AuthService/Login'"
            " AND user_name = 'admin' AND peer LIKE 'page:ipv4:127.0.0.1:%'") == "t");
  CHECK(Browse({.path = "/logout", .cookie = cookie, .form = "x="}).status == 303);
  const auto out = Browse({.cookie = cookie});
  CHECK(out.status == 303);
  CHECK_THAT(out.head, Catch::Contains("Max-Age=0"));
}

TEST_CASE("forms of other sites, and what is no request of a browser, are refused", "[rpc][page]") {
  const std::string host = fmt::format("127.0.0.1:{}", (Daemon(), PagePort()));
  const auto login = [&](const std::string& origin) {
    return Browse({.path = "/login", .form = kForm, .headers = {"Origin: " + origin}}).status;
  };
  CHECK(login("https://evil.example") == 403);
  CHECK(login("null") == 403);
  CHECK(login("http://" + host + ".evil.example") == 403);
  CHECK(login("http://" + host) == 303);
  CHECK(Browse({.path = "/clusters/any", .form = "x=y"}).status == 405);
  // Whoever sends on may be hung up on before the answer has come.
  const long body =
      Browse({.path = "/login", .form = "user=a&password=" + std::string(9000, 'x')}).status;
  CHECK((body == 0 || body == 413));
  CHECK(Browse({.path = "/login", .form = "user=%FF&password=%FE"}).status == 400);
  CHECK(Browse({.path = "/clusters/%FF"}).status == 400);
  const long headers = Browse({.headers = {"X-Long: " + std::string(100'000, 'x')}}).status;
  CHECK((headers == 0 || headers >= 400));
  // No token, and nothing that could be sent on as one.
  for (const std::string& cookie : {std::string("x\x80\xFF"), std::string("x\x01y"),
                                    std::string(2000, 'x'), std::string("dmgrs_unknown.token")}) {
    const long status = Seen(cookie, "/").status;
    CHECK((status == 303 || status == 400));
  }
  CHECK(Browse({.path = "/login"}).status == 200);
}

TEST_CASE("who has a role for one cluster sees that one, and nothing of another", "[rpc][page]") {
  AddCluster("page-seen");
  AddCluster("page-hidden");
  v1::User user;
  user.set_name("page-viewer");
  *user.add_grants() = GrantOf(v1::ROLE_VIEWER, "page-seen");
  AddUser(user);
  const std::string token = NewSessionOf("page-viewer");
  const auto clusters = Seen(token, "/");
  CHECK(clusters.status == 200);
  CHECK_THAT(clusters.body, Catch::Contains("page-seen") && !Catch::Contains("page-hidden"));
  // Nothing answers there.
  CHECK(Eventually(
      [&] { return Seen(token, "/?part=1").body.find("not healthy 0/") != std::string::npos; }));
  const auto own = Seen(token, "/clusters/page-seen");
  CHECK(own.status == 200);
  // Its hosts are not waited for.
  CHECK_THAT(own.body, Catch::Contains("page-seen") && Catch::Contains("data-now") &&
                           !Catch::Contains("not healthy"));
  for (const char* asked : {"part", "whole"}) {
    const auto whole = Seen(token, fmt::format("/clusters/page-seen?{}=1", asked));
    CHECK(whole.status == 200);
    CHECK_THAT(whole.body, Catch::Contains("dm-master") && Catch::Contains("not healthy") &&
                               !Catch::Contains("data-now"));
  }
  const auto other = Seen(token, "/clusters/page-hidden");
  const auto none = Seen(token, "/clusters/page-unknown");
  CHECK(other.status == 404);
  CHECK(none.status == 404);
  CHECK_THAT(Seen(token, "/tasks").body, !Catch::Contains("page-hidden"));
  CHECK_THAT(Seen(token, "/operations").body, !Catch::Contains("page-hidden"));
  // As any call: a user who is disabled is out.
  Sql("UPDATE \"user\" SET disabled = true WHERE user_name = 'page-viewer' RETURNING 1");
  CHECK(Seen(token, "/").status == 303);
  CHECK(Seen(token, "/?part=1").status == 401);
}

TEST_CASE("an operation is followed on the page until it is over", "[rpc][page]") {
  SilentHost host;
  AddCluster("page-live", host);
  const std::string id = BeginStop("page-live").operation_id();
  const std::string token = NewSession(v1::ROLE_VIEWER);
  const auto whole = Seen(token, "/operations/" + id);
  CHECK(whole.status == 200);
  CHECK_THAT(whole.body, Catch::Contains("data-period=\"1\"") && Catch::Contains("page-live"));
  const auto part = Seen(token, "/operations/" + id + "?part=1");
  CHECK_THAT(part.body, Catch::Contains("<progress") && !Catch::Contains("<html") &&
                            !Catch::Contains("data-over"));
  host.Close();
  CHECK(Eventually(
      [&] {
        const auto now = Seen(token, "/operations/" + id + "?part=1").body;
        return now.find("data-over") != std::string::npos;
      },
      std::chrono::seconds(120)));
  CHECK(Seen(token, "/operations/no-id").status != 200);
}

TEST_CASE("the page is in the language of the browser, or of who asks for another", "[rpc][page]") {
  Daemon();
  const std::vector<std::string> chinese = {"Accept-Language: zh-CN,zh;q=0.9,en;q=0.8"};
  const auto page = Browse({.path = "/login", .headers = chinese});
  CHECK_THAT(page.body, Catch::Contains("lang=\"zh\"") && Catch::Contains("登录"));
  const auto asked = Browse({.path = "/login?lang=en", .headers = chinese});
  CHECK_THAT(asked.body, Catch::Contains("Log in"));
  CHECK_THAT(asked.head, Catch::Contains("dmgr_lang=en"));
  CHECK_THAT(Browse({.path = "/login", .cookie = "dmgr_lang=zh"}).body, Catch::Contains("登录"));
  CHECK_THAT(Browse({.path = "/login?lang=%0d%0aX"}).body, Catch::Contains("Log in"));
}

TEST_CASE("with TLS cookies go over nothing else, and release mode has no page without it",
          "[rpc][page][tls]") {
  const test::TempDir dir;
  MakeCertificate(dir, "page", "IP:127.0.0.1");
  int port = 0;
  {
    const SilentHost free;
    port = free.port();
  }
  const std::string address = fmt::format("\"127.0.0.1:{}\"", port);
  {
    TestDaemon daemon({.config = {{"server.tls_cert", Quoted(dir / "page.pem")},
                                  {"server.tls_key", Quoted(dir / "page.key")},
                                  {"server.mode", Quoted("release")},
                                  {"server.page_address", address}},
                       .ca = dir / "page-ca.pem"});
    const auto in =
        Browse({.path = "/login", .form = kForm, .ca = dir / "page-ca.pem", .port = port});
    CHECK(in.status == 303);
    CHECK_THAT(in.head, Catch::Contains("__Host-dmgr_session=") &&
                            Catch::Contains("HttpOnly; SameSite=Strict; Secure"));
    CHECK(Browse({.path = "/login", .port = port}).status != 200);
  }
  std::string refused;
  try {
    const TestDaemon daemon(
        {.config = {{"server.mode", Quoted("release")}, {"server.page_address", address}},
         .listen_host = ""});
  } catch (const std::runtime_error& error) {
    refused = error.what();
  }
  CHECK_THAT(refused, Catch::Contains("release mode does not"));
}

}  // namespace
}  // namespace dmgr::testing
