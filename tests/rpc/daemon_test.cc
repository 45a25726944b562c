// dmgrd as a program: its configuration, its modes, its end.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/files.h"
#include "tests/rpc/fixture.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

// ServerReflectionRequest{list_services: ""}.
const std::string kListServices("\x3a\x00", 2);
constexpr char kReflection[] = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

Result RunDaemon(const std::string& toml, const std::map<std::string, std::string>& env = {}) {
  const test::TempDir dir;
  const std::string file = dir.Write("dmgrd.toml", toml);
  return Run({.args = {ProgramDir() / "dmgrd", "--config", file}, .env = env},
             std::chrono::seconds(60));
}

TEST_CASE("all that is wrong with a configuration is said at once", "[rpc][daemon]") {
  const auto result = RunDaemon(
      "[server]\n"
      "lisen = \"127.0.0.1:9527\"\n"
      "mode = \"production\"\n"
      "[database]\n"
      "pool_size = 1000000\n"
      "[nonsense]\n"
      "x = 1\n"
      "[paths]\n"
      "data_dir = \"relative\"\n");
  CHECK(result.exit_code == 2);
  for (const char* text :
       {"dmgrd.toml:2:", "lisen", "dmgrd.toml:3:", "mode", "dmgrd.toml:5:", "pool_size",
        "dmgrd.toml:6:", "nonsense", "dmgrd.toml:9:", "data_dir", "deploy/dmgrd.toml"}) {
    CHECK_THAT(result.err, Catch::Contains(text));
  }
  CHECK(result.out.empty());
}

TEST_CASE("a configuration that is no TOML, or not there, is refused", "[rpc][daemon]") {
  const auto broken = RunDaemon("[server\n");
  CHECK(broken.exit_code == 2);
  CHECK_THAT(broken.err, Catch::Contains("dmgrd.toml:1:"));
  const auto missing = Run({.args = {ProgramDir() / "dmgrd", "--config", "/no/such/dmgrd.toml"}});
  CHECK(missing.exit_code != 0);
  CHECK_THAT(missing.err, Catch::Contains("/no/such/dmgrd.toml"));
  CHECK(RunDaemon("", {{"DMGR_MODE", "production"}}).exit_code == 2);
  CHECK(Run({.args = {ProgramDir() / "dmgrd", "--no-such-option"}}).exit_code == 2);
}

TEST_CASE("plain text is spoken on loopback only", "[rpc][daemon]") {
  const test::TempDir dir;
  // A name that only begins like an address of this machine is another's.
  for (const std::string listen : {"198.18.0.1:9527", "127.evil.example:9527"}) {
    const auto result = RunDaemon("[server]\nlisten = \"" + listen + "\"\n[paths]\ndata_dir = \"" +
                                  (dir / "data") + "\"\n");
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, Catch::Contains(listen) && Catch::Contains("loopback") &&
                               Catch::Contains("tls_cert"));
  }
}

TEST_CASE("a second dmgrd does not share a port or a folder", "[rpc][daemon]") {
  const test::TempDir dir;
  std::string data = dir / "data";
  std::string listen = Daemon().address();
  std::string named = listen;
  SECTION("the port") {}
  SECTION("the folder") {
    data = (Daemon().dir() / "data").string();
    listen = "127.0.0.1:1";
    named = data;
  }
  const auto result =
      RunDaemon("[server]\nlisten = \"" + listen + "\"\n[paths]\ndata_dir = \"" + data + "\"\n");
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, Catch::Contains(named));
  CHECK(HealthOf(Daemon().address()) == 1);
  CHECK(NewSession(v1::ROLE_VIEWER).size() > 10);
}

// One that has ended but that nobody has waited for has no program any more.
bool IsRunning(const std::string& pid) { return std::filesystem::exists("/proc/" + pid + "/exe"); }

TEST_CASE("debug mode has reflection, and health says SERVING", "[rpc][daemon]") {
  CHECK(HealthOf(Daemon().address()) == 1);
  const auto answer = RawCall(Daemon().address(), kReflection, kListServices);
  CHECK(answer.status.ok());
  REQUIRE(answer.messages.size() == 1);
  CHECK_THAT(answer.messages[0],
             Catch::Contains("dmgr.v1.ClusterService") && Catch::Contains("grpc.health.v1.Health"));
}

TEST_CASE("release mode has none, and the environment wins over the file", "[rpc][daemon]") {
  std::filesystem::path dir;
  std::string postmaster;
  {
    // Every daemon of its own costs a new database: these go together.
    TestDaemon daemon({.config = {{"server.mode", "\"debug\""}, {"log.format", "\"json\""}},
                       .env = {{"DMGR_MODE", "release"}},
                       .listen_host = ""});
    CHECK(HealthOf(daemon.address()) == 1);
    const auto answer = RawCall(daemon.address(), kReflection, kListServices);
    CHECK(answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
    CHECK(answer.messages.empty());
    CHECK(RawCall(daemon.address(), "dmgr.v1.ClusterService/ListClusters").status.error_code() ==
          grpc::StatusCode::UNAUTHENTICATED);

    INFO("JSON logs are one object a line");
    const std::string log = daemon.Log();
    // It may be writing its next one.
    std::istringstream lines(log.substr(0, log.rfind('\n') + 1));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      INFO(line);
      CHECK(nlohmann::json::accept(line));
    }
    CHECK(count >= 2);

    INFO("nothing that it makes is for others, and it leaves no core");
    const auto process = "/proc/" + std::to_string(daemon.pid());
    CHECK_THAT(ReadFile(process + "/status").value(), Catch::Contains("Umask:\t0077"));
    const std::string limits = ReadFile(process + "/limits").value();
    CHECK_THAT(limits.substr(limits.find("Max core file size")),
               Catch::Matches("Max core file size +0 +0 [^]*"));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon.dir() / "data")) {
      INFO(entry.path());
      if (entry.is_symlink()) continue;
      const auto others = std::filesystem::perms::others_all;
      CHECK((entry.status().permissions() & others) == std::filesystem::perms::none);
    }

    dir = daemon.dir();
    std::ifstream(dir / "data/postgresql/data/postmaster.pid") >> postmaster;
    // The worst case for those who clean up: a dmgrd that cannot stop its PostgreSQL.
    daemon.Kill();
    CHECK(IsRunning(postmaster));
  }
  INFO("nothing of a test's daemon is left");
  CHECK_FALSE(std::filesystem::exists(dir));
  CHECK_FALSE(IsRunning(postmaster));
}

TEST_CASE("a database that is older than dmgrd has seen it is served after a word only",
          "[rpc][daemon]") {
  TestDaemon daemon;
  const std::string token = daemon.Token();
  const auto file = daemon.dir() / "data/high_water";
  daemon.Stop();
  std::ofstream(file) << "7\n";
  try {
    daemon.Start();
    FAIL("it serves");
  } catch (const std::runtime_error& error) {
    CHECK_THAT(error.what(), Catch::Contains("restored from a backup") &&
                                 Catch::Contains("0 of 7 claims") &&
                                 Catch::Contains("--after-restore"));
  }
  daemon.Start({}, {"--after-restore"});
  CHECK_FALSE(
      RawCall(daemon.address(), "dmgr.v1.AuthService/WhoAmI", "", "Bearer " + token).status.ok());
  daemon.LogIn();
  daemon.Stop();
  daemon.Start();
  CHECK(Eventually([&] { return Contents(file).size() > 10; }));
}

TEST_CASE("what dmgrd keeps survives a crash", "[rpc][daemon]") {
  const std::string token = NewSession(v1::ROLE_VIEWER);
  Daemon().Kill();
  CHECK(HealthOf(Daemon().address()) == -1);
  const auto away = Daemon().Ctl({"cluster", "list"});
  CHECK(away.exit_code == 4);
  CHECK_THAT(away.err, Catch::Contains(Daemon().address()) && Catch::Contains("--server"));
  Daemon().Start();
  CHECK(
      RawCall(Daemon().address(), "dmgr.v1.AuthService/WhoAmI", "", "Bearer " + token).status.ok());
}

}  // namespace
}  // namespace dmgr::testing
