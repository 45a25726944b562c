// Contexts, and which dmgrd a command goes to.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "client/app.h"
#include "client/context/contexts.h"
#include "client/context/credentials.h"
#include "common/error.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

// A user without any file of dmgrctl, and without its variables.
class Home {
 public:
  Home() {
    setenv("XDG_CONFIG_HOME", dir_.path().c_str(), 1);
    Clear();
  }
  ~Home() { Clear(); }
  static void Clear() {
    for (const char* name :
         {"DMGR_SERVER", "DMGR_CONTEXT", "DMGR_CA", "DMGR_TOKEN", "DMGR_TOKEN_FILE",
          "DMGR_TOKEN_SERVER", "DMGR_CLIENT_CERT", "DMGR_CLIENT_KEY"}) {
      unsetenv(name);
    }
  }
  std::string File(const std::string& name, const std::string& text) const {
    return dir_.Write(name, text);
  }

 private:
  test::TempDir dir_;
};

constexpr char kCa[] = "-----BEGIN CERTIFICATE-----\n";

struct Answer {
  int code;
  std::string out, err;
};

Answer Ctl(const std::vector<std::string>& words) {
  FakeTerminal terminal(false);
  Application application;
  const int code = application.Execute(words, &terminal);
  return {code, terminal.Out(), terminal.Err()};
}

Target Resolved(const TargetFlags& flags = {}) {
  auto target = ResolveTarget(flags);
  REQUIRE(target.ok());
  return *target;
}

int ModeOf(const std::string& path) {
  struct stat about = {};
  REQUIRE(stat(path.c_str(), &about) == 0);
  return static_cast<int>(about.st_mode & 0777);
}

TEST_CASE("contexts are added, used, listed, shown and removed", "[context]") {
  const Home home;
  const std::string ca = home.File("ca.pem", kCa);
  const auto added = Ctl(
      {"context", "add", "prod", "--server", "dm.example.com:9527", "--user", "al", "--ca", ca});
  CHECK(added.code == kDone);
  CHECK_THAT(added.err, Catch::Contains("now in use") && Catch::Contains("next: dmgrctl login\n"));
  CHECK(ModeOf(ContextsPath()) == 0600);
  CHECK(ModeOf(fs::path(ContextsPath()).parent_path()) == 0700);
  CHECK_THAT(Ctl({"context", "add", "here", "--server", "localhost:9527"}).err,
             Catch::Contains("next: dmgrctl login --user NAME --context here"));
  CHECK(Resolved().context == "prod");
  CHECK(Resolved().server == "dm.example.com:9527");
  CHECK(Resolved().user == "al");
  CHECK(Resolved().ca == ca);
  CHECK(Ctl({"context", "use", "here"}).code == kDone);
  CHECK(Resolved().server == "localhost:9527");
  CHECK(Resolved().ca.empty());

  const auto lines = Lines(Ctl({"context", "list"}).out);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Catch::StartsWith("CONTEXT  CURRENT  SERVER"));
  CHECK_THAT(lines[1], Catch::StartsWith("here     yes      localhost:9527"));
  const auto json = Json::parse(Ctl({"context", "show", "prod", "-o", "json"}).out);
  CHECK(json["server"] == "dm.example.com:9527");
  CHECK(json["current"] == false);
  CHECK(json["logged_in"] == false);

  CHECK(Ctl({"context", "remove", "here"}).code == kDone);
  CHECK(Resolved().server == kDefaultServer);
  CHECK(Ctl({"context", "show"}).code == kRefused);
  const auto unknown = Ctl({"context", "use", "here"});
  CHECK(unknown.code == kRefused);
  CHECK_THAT(unknown.err, Catch::Contains("there are: prod"));
}

TEST_CASE("a context that cannot work is refused when it is added", "[context]") {
  const Home home;
  const auto refused = [](const std::vector<std::string>& more, int code, const std::string& text) {
    std::vector<std::string> words = {"context", "add"};
    words.insert(words.end(), more.begin(), more.end());
    const auto answer = Ctl(words);
    CHECK(answer.code == code);
    CHECK_THAT(answer.err, Catch::Contains(text) && Catch::Contains("next: "));
  };
  refused({"prod", "--server", "10.0.0.1:9527"}, kRefused, "without TLS");
  refused({"prod", "--server", "10.0.0.1"}, kBadUsage, "HOST:PORT");
  refused({"@prod", "--server", "localhost:1"}, kBadUsage, "no name");
  refused({"prod", "--server", "10.0.0.1:9527", "--ca", "/none.pem"}, kBadUsage, "/none.pem");
  refused({"prod", "--server", "h:1", "--ca", home.File("x.pem", "x")}, kBadUsage,
          "no certificate");
  CHECK_FALSE(fs::exists(ContextsPath()));
  REQUIRE(Ctl({"context", "add", "prod", "--server", "localhost:1"}).code == kDone);
  refused({"prod", "--server", "localhost:2"}, kRefused, "already");
}

TEST_CASE("the command line wins over the environment, that over the context", "[context]") {
  const Home home;
  REQUIRE(Ctl({"context", "add", "one", "--server", "localhost:1", "--user", "al"}).code == kDone);
  REQUIRE(Ctl({"context", "add", "two", "--server", "localhost:2"}).code == kDone);
  CHECK(Resolved().server == "localhost:1");
  setenv("DMGR_CONTEXT", "two", 1);
  CHECK(Resolved().server == "localhost:2");
  setenv("DMGR_SERVER", "localhost:3", 1);
  CHECK(Resolved().server == "localhost:3");
  CHECK(Resolved().context.empty());
  CHECK(Resolved().user.empty());
  CHECK(Resolved({.context = "one"}).server == "localhost:1");
  CHECK(Resolved({.server = "localhost:4"}).server == "localhost:4");
  CHECK(Resolved({.server = "localhost:4", .context = "one"}).user == "al");
  setenv("DMGR_CA", "/ca.pem", 1);
  CHECK(Resolved().ca == "/ca.pem");
  CHECK(Resolved({.ca = "/other.pem"}).ca == "/other.pem");
  CHECK(Resolved({.context = "one"}).ca.empty());
}

TEST_CASE("a token goes only to the server that gave it", "[context]") {
  const Home home;
  REQUIRE(Ctl({"context", "add", "one", "--server", "localhost:1"}).code == kDone);
  const Target one = Resolved();
  REQUIRE(SaveToken(one, "al", "secret-1").ok());
  REQUIRE(SaveToken({.server = "localhost:1"}, "bo", "secret-2").ok());
  CHECK(ModeOf(CredentialsPath()) == 0600);
  CHECK(LoadToken(one) == "secret-1");
  CHECK(LoadToken({.server = "localhost:1"}) == "secret-2");
  CHECK(LoadToken({.context = "one", .server = "localhost:2"}).empty());
  CHECK(LoadToken({.context = "two", .server = "localhost:1"}).empty());
  CHECK_THAT(Ctl({"context", "list"}).out, Catch::Contains("yes      localhost:1  -     -   yes"));
  // Of what was set for one dmgrd the one of another context knows nothing.
  setenv("DMGR_TOKEN", "from-outside", 1);
  CHECK(LoadToken(one) == "secret-1");
  setenv("DMGR_TOKEN_SERVER", "localhost:1", 1);
  CHECK(LoadToken(one) == "from-outside");
  unsetenv("DMGR_TOKEN_SERVER");
  unsetenv("DMGR_TOKEN");
  REQUIRE(Ctl({"context", "remove", "one"}).code == kDone);
  CHECK(LoadToken(one).empty());
  CHECK(LoadToken({.server = "localhost:1"}) == "secret-2");
}

TEST_CASE("an old token is replaced once, and only while nobody else uses it", "[context]") {
  const Home home;
  const Target target = {.server = "localhost:1"};
  REQUIRE(SaveToken(target, "al", "old").ok());
  int asked = 0;
  std::string answer = "new";
  const auto begin = [&] {
    return TokenUse::Begin(target, [&](const std::string& token) {
      ++asked;
      CHECK(token == "old");
      return answer;
    });
  };
  CHECK(begin()->token() == "old");
  CHECK(asked == 0);
  auto saved = nlohmann::json::parse(std::ifstream(CredentialsPath()));
  saved["localhost:1"]["time"] = 1000;
  std::ofstream(CredentialsPath()) << saved;
  // dmgrd does not answer: then it stays as it is.
  answer = "";
  auto elsewhere = begin();
  CHECK(elsewhere->token() == "old");
  CHECK(asked == 1);
  // Who has it in use would be taken for a thief.
  answer = "new";
  CHECK(begin()->token() == "old");
  CHECK(asked == 1);
  elsewhere.reset();
  CHECK(begin()->token() == "new");
  CHECK(asked == 2);
  CHECK(LoadToken(target) == "new");
  CHECK(begin()->token() == "new");
  CHECK(asked == 2);
}

TEST_CASE("a token comes from a file, too, and one that cannot be read is told", "[context]") {
  const Home home;
  const Target target{.server = "localhost:1"};
  setenv("DMGR_TOKEN_FILE", home.File("token", "secret-3\n").c_str(), 1);
  CHECK(TokenOfEnvironment({.server = kDefaultServer}).value() == "secret-3");
  CHECK(Reason(TokenOfEnvironment(target).status()) == "TOKEN_OF_ANOTHER_SERVER");
  CHECK(Ctl({"whoami", "--server", "localhost:1"}).code == kRefused);
  setenv("DMGR_SERVER", "localhost:1", 1);
  CHECK(TokenOfEnvironment(target).value() == "secret-3");
  CHECK(LoadToken(target) == "secret-3");
  CHECK_FALSE(TokenOfEnvironment({.server = kDefaultServer}).ok());
  setenv("DMGR_TOKEN", "secret-4", 1);
  CHECK(TokenOfEnvironment(target).value() == "secret-4");
  unsetenv("DMGR_TOKEN");
  for (const std::string& file : {home.File("empty", "\n"), std::string("/no/such/file")}) {
    setenv("DMGR_TOKEN_FILE", file.c_str(), 1);
    CHECK(Reason(TokenOfEnvironment(target).status()) == "TOKEN_FILE_UNREADABLE");
    CHECK(Ctl({"whoami", "--server", "localhost:1"}).code == kBadUsage);
  }
}

TEST_CASE("a damaged file is named, and does not hinder who names a server", "[context]") {
  const Home home;
  fs::create_directories(fs::path(ContextsPath()).parent_path());
  for (const char* text : {"{", "[]", R"({"contexts": {"one": {}}})", R"({"current": 7})"}) {
    std::ofstream(ContextsPath()) << text;
    const auto answer = Ctl({"context", "list"});
    CHECK(answer.code == kRefused);
    CHECK_THAT(answer.err, Catch::Contains(ContextsPath()) && Catch::Contains("next: "));
    CHECK_FALSE(ResolveTarget({}).ok());
    CHECK(ResolveTarget({.server = "localhost:1"}).ok());
  }
}

TEST_CASE("the first words name what to type next", "[context]") {
  const Home home;
  auto first = Ctl({});
  CHECK(first.code == kBadUsage);
  CHECK_THAT(first.err, Catch::Contains("dmgrctl login --user NAME --first-secret-file FILE") &&
                            Catch::Contains("dmgrctl context add NAME --server HOST:PORT") &&
                            Catch::Contains("dmgrctl --help"));
  // Nobody listens on port 1.
  REQUIRE(Ctl({"context", "add", "one", "--server", "localhost:1", "--user", "al"}).code == kDone);
  first = Ctl({});
  CHECK_THAT(first.err, Catch::Contains("localhost:1 (context one)\nnext: dmgrctl login\n"));
  const auto away = Ctl({"cluster", "list"});
  CHECK(away.code == kUnreachable);
  CHECK_THAT(away.err, Catch::Contains("no dmgrd answers at localhost:1") &&
                           Catch::Contains("dmgrd --config dmgrd.toml"));
  REQUIRE(SaveToken(Resolved(), "al", "token").ok());
  CHECK_THAT(Ctl({}).err, Catch::Contains("next: dmgrctl cluster list"));
}

TEST_CASE("what stays on this machine", "[context]") {
  for (const char* address : {"localhost:1", "127.0.0.1:9527", "127.9.8.7:1", "[::1]:9527",
                              "[::ffff:127.0.0.1]:1", "localhost", "127.0.0.1"}) {
    CAPTURE(address);
    CHECK(CheckSecrecy(address, /*tls=*/false).ok());
  }
  for (const char* address :
       {"10.0.0.1:1", "localhost.example.com:1", "127.0.0.1.example.com:1", "127.evil.example:1",
        "[::2]:1", "dns:///127.0.0.1:1", "", "0.0.0.0:1"}) {
    CAPTURE(address);
    CHECK(Reason(CheckSecrecy(address, /*tls=*/false)) == "PLAIN_TEXT_REFUSED");
    CHECK(CheckSecrecy(address, /*tls=*/true).ok());
  }
}

}  // namespace
}  // namespace dmgr::client
