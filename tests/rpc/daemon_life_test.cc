// dmgrd's own life: its configuration looked at and read again, its health.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "common/files.h"
#include "tests/rpc/fixture.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

Result CheckConfig(const fs::path& file) {
  return Run({.args = {ProgramDir() / "dmgrd", "--config", file, "--check-config"}},
             std::chrono::seconds(60));
}

std::set<fs::path> AllBelow(const fs::path& folder) {
  std::set<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) all.insert(entry.path());
  return all;
}

std::string Quote(const fs::path& path) { return '"' + path.string() + '"'; }

// HealthCheckRequest{service: name}.
int HealthOfService(const std::string& address, const std::string& name) {
  const std::string request = std::string("\x0a") + static_cast<char>(name.size()) + name;
  const RawAnswer answer = RawCall(address, "grpc.health.v1.Health/Check", request);
  if (!answer.status.ok() || answer.messages.size() != 1) return -1;
  const std::string& message = answer.messages.front();
  return message.size() == 2 && message[0] == '\x08' ? message[1] : 0;
}

// Processes of the daemon's PostgreSQL, which all work in its data folder.
void SignalPostgres(const TestDaemon& daemon, int number) {
  const fs::path data = daemon.dir() / "data/postgresql/data";
  int sent = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::error_code error;
    if (fs::read_symlink(entry.path() / "cwd", error) != data || error) continue;
    const pid_t pid = std::stoi(entry.path().filename());
    if (kill(pid, number) == 0) ++sent;
  }
  CHECK(sent > 3);
}

TEST_CASE("all that a configuration names is looked at, and nothing is made",
          "[rpc][daemon][check]") {
  const test::TempDir dir;
  dir.Write("nokey.pem", "no key");
  fs::create_directory(dir / "folder");
  const std::string file = dir.Write("dmgrd.toml",
                                     "[server]\n"
                                     "listen = \"198.51.100.1:9527\"\n"
                                     "metrics_address = \"198.51.100.2:9528\"\n"
                                     "tls_cert = " +
                                         Quote(dir / "none.pem") +
                                         "\n"
                                         "tls_key = " +
                                         Quote(dir / "nokey.pem") +
                                         "\n"
                                         "[paths]\n"
                                         "data_dir = " +
                                         Quote(dir / "data") +
                                         "\n"
                                         "warehouse_dir = " +
                                         Quote(dir / "nokey.pem") +
                                         "\n"
                                         "master_key = " +
                                         Quote(dir / "folder") +
                                         "\n"
                                         "far_end_dir = " +
                                         Quote(dir / "nowhere") +
                                         "\n"
                                         "[database]\n"
                                         "dsn = \"host=127.0.0.1 port=1 dbname=dmgr\"\n"
                                         "[log]\n"
                                         "levl = \"info\"\n"
                                         "file = " +
                                         Quote(dir / "nowhere/log") + "\n");
  const auto before = AllBelow(dir.path());
  const Result result = CheckConfig(file);
  INFO(result.out << result.err);
  CHECK(result.exit_code == 1);
  for (const char* place :
       {":2: [server] listen: ", ":3: [server] metrics_address: ", ":4: [server] tls_cert: ",
        ":8: [paths] warehouse_dir: ", ":9: [paths] master_key: ", ":10: [paths] far_end_dir: ",
        ":12: [database] dsn: ", ":14: [log] has no key levl", ":15: [log] file: "}) {
    CHECK_THAT(result.err, Contains(file + place));
  }
  CHECK_THAT(result.err, !Contains("[paths] data_dir") && !Contains("tls_key: "));
  CHECK(AllBelow(dir.path()) == before);
}

TEST_CASE("a configuration without a fault is said to be one, also while dmgrd runs with it",
          "[rpc][daemon][check]") {
  const test::TempDir dir;
  const std::string file = dir.Write("dmgrd.toml", "[paths]\ndata_dir = " + Quote(dir / "data"));
  const auto before = AllBelow(dir.path());
  for (const fs::path& path : {fs::path(file), Daemon().dir() / "dmgrd.toml"}) {
    const Result result = CheckConfig(path);
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK_THAT(result.out, Contains("nothing is wrong"));
  }
  CHECK(AllBelow(dir.path()) == before);
  CHECK(CheckConfig(dir / "missing.toml").exit_code == 1);
  CHECK(CheckConfig(dir.Write("broken.toml", "[server\n")).exit_code == 1);
}

TEST_CASE("a database of one's own is asked for its schema and its key", "[rpc][daemon][check]") {
  const test::TempDir dir;
  const auto check = [&](const std::string& more) {
    return CheckConfig(dir.Write("dmgrd.toml", "[paths]\ndata_dir = " + Quote(dir / "data") + "\n" +
                                                   more + "[database]\ndsn = \"" + Daemon().dsn() +
                                                   "\"\n"));
  };
  const Result without = check("");
  INFO(without.out << without.err);
  CHECK(without.exit_code == 1);
  CHECK_THAT(without.err, Contains("[paths] master_key") && Contains("sealed with the key of id"));
  CHECK(check("master_key = " + Quote(Daemon().dir() / "data/master.key") + "\n").exit_code == 0);
}

TEST_CASE("a signal has the configuration read again, and says what takes a restart",
          "[rpc][daemon]") {
  TestDaemon daemon;
  const fs::path file = daemon.dir() / "dmgrd.toml";
  const std::string before = Contents(file);
  const auto reload = [&](const std::string& text, const std::string& answer) {
    std::ofstream(file, std::ios::trunc) << text;
    kill(daemon.pid(), SIGHUP);
    INFO(daemon.Log());
    CHECK(Eventually([&] { return daemon.Log().find(answer) != std::string::npos; }));
  };
  reload(before, "nothing has changed");
  reload(before + "[other]\n", "the configuration stays as it is");
  reload(before + "[limits]\ncalls_per_user = 33\nmemory_mib = 600\n", "limits.calls_per_user");
  CHECK(Eventually([&] {
    return daemon.Log().find("[limits] memory_mib has changed: that takes a restart") !=
           std::string::npos;
  }));
  INFO("the log's level");
  std::string quiet = before;
  const std::string debug = "level = \"debug\"";
  quiet.replace(quiet.find(debug), debug.size(), "level = \"error\"");
  reload(quiet, "log.level");
  const std::string token = daemon.Token();
  CHECK_THAT(daemon.Log(), !Contains("AuthService/Login"));
  reload(quiet + "[nonsense]\n", "there is no [nonsense]");
  std::ofstream(file, std::ios::trunc) << before;
  kill(daemon.pid(), SIGHUP);
  CHECK(Eventually([&] {
    RawCall(daemon.address(), "dmgr.v1.AuthService/Logout", "", "Bearer " + token);
    return daemon.Log().find("AuthService/Logout") != std::string::npos;
  }));
}

TEST_CASE("a log that was renamed goes on under its name", "[rpc][daemon]") {
  const test::TempDir dir;
  TestDaemon daemon({.config = {{"log.file", Quote(dir / "dmgrd.log")}}});
  for (const int number : {SIGHUP, SIGUSR1}) {
    fs::rename(dir / "dmgrd.log", dir / "dmgrd.log.1");
    kill(daemon.pid(), number);
    CHECK(Eventually([&] { return fs::exists(dir / "dmgrd.log"); }));
  }
  CHECK(HealthOf(daemon.address()) == 1);
}

TEST_CASE("health is that of the database, of each service by its name", "[rpc][daemon]") {
  TestDaemon daemon;
  const std::string service = "dmgr.v1.ClusterService";
  CHECK(HealthOfService(daemon.address(), service) == 1);
  CHECK(HealthOfService(daemon.address(), "dmgr.v1.NoService") == -1);
  SignalPostgres(daemon, SIGSTOP);
  CHECK(Eventually([&] { return HealthOf(daemon.address()) == 2; }));
  CHECK(HealthOfService(daemon.address(), service) == 2);
  SignalPostgres(daemon, SIGCONT);
  CHECK(Eventually([&] { return HealthOf(daemon.address()) == 1; }));
  CHECK(HealthOfService(daemon.address(), service) == 1);
  CHECK_THAT(daemon.Log(), Contains("the database is away") && Contains("the database is back"));
}

}  // namespace
}  // namespace dmgr::testing
