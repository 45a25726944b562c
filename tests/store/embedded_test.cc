#include "server/store/embedded.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <pqxx/pqxx>
#include <thread>

#include "tests/store/samples.h"
#include "tests/support/temp_dir.h"

namespace dmgr::store {
namespace {

namespace fs = std::filesystem;
using test::Sql;

pid_t Postmaster(const std::string& dir) {
  pid_t pid = 0;
  std::ifstream(dir + "/data/postmaster.pid") >> pid;
  return pid;
}

bool Works(pid_t pid, const std::string& dir) {
  std::error_code error;
  return fs::equivalent("/proc/" + std::to_string(pid) + "/cwd", dir + "/data", error);
}

// Until it is true, at most 20 s.
template <typename F>
bool Eventually(const F& condition) {
  for (int i = 0; i < 400; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

// Ends what a failed test has left in the folder.
struct Reaper {
  std::string dir;
  ~Reaper() {
    const pid_t pid = Postmaster(dir);
    if (pid > 0 && Works(pid, dir)) {
      kill(pid, SIGQUIT);
      Eventually([&] {
        waitpid(pid, nullptr, WNOHANG);
        return !Works(pid, dir);
      });
    }
  }
};

std::unique_ptr<EmbeddedServer> Start(const std::string& dir) {
  auto server = EmbeddedServer::Start({.dir = dir});
  REQUIRE_OK(server.status());
  return std::move(*server);
}

TEST_CASE("it starts, keeps its data over a restart, and ends with its owner") {
  const test::TempDir temp;
  const std::string dir = temp / "a b'c/pg";  // Names that need quoting.
  const Reaper reaper{dir};
  auto server = Start(dir);
  const pid_t first = Postmaster(dir);
  CHECK(Works(first, dir));
  Sql(server->Dsn(), "CREATE TABLE kept (n integer); INSERT INTO kept VALUES (42)");
  CHECK(Sql(server->Dsn(), "SHOW listen_addresses").empty());
  CHECK(Sql(server->Dsn(), "SHOW server_encoding") == "UTF8");
  CHECK(Sql(server->Dsn(), "SHOW fsync") == "on");
  struct stat run {};
  REQUIRE(stat((dir + "/run").c_str(), &run) == 0);
  CHECK((run.st_mode & 0777) == 0700);
  CHECK(run.st_uid != 0);
  server.reset();
  CHECK_FALSE(Works(first, dir));
  CHECK_FALSE(fs::exists(dir + "/data/postmaster.pid"));
  server = Start(dir);
  CHECK(Sql(server->Dsn(), "SELECT n FROM kept") == "42");
}

TEST_CASE("nobody else on the machine gets in") {
  if (geteuid() != 0) return;  // Cannot become somebody else.
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  const Reaper reaper{dir};
  const auto server = Start(dir);
  const std::string dsn = server->Dsn();
  // Even through an open door the server asks who comes.
  REQUIRE(chmod(dir.c_str(), 0755) == 0);
  REQUIRE(chmod((dir + "/run").c_str(), 0755) == 0);
  REQUIRE(chmod((dir + "/run/.s.PGSQL.5432").c_str(), 0777) == 0);
  const passwd* nobody = getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0) _exit(3);
    try {
      pqxx::connection connection(dsn);
      _exit(0);
    } catch (const std::exception& e) {
      _exit(std::string_view(e.what()).find("Peer authentication failed") != std::string_view::npos
                ? 42
                : 4);
    }
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
}

TEST_CASE("a server that was killed is started again, and nothing committed is lost") {
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  const Reaper reaper{dir};
  const auto server = Start(dir);
  auto database = Database::Open({.dsn = server->Dsn()});
  REQUIRE_OK(database.status());
  REQUIRE_OK((*database)->Migrate());
  InsertBasics(**database);
  REQUIRE_OK(server->EnsureRunning());
  const pid_t first = Postmaster(dir);
  REQUIRE(kill(first, SIGKILL) == 0);
  REQUIRE(Eventually([&] { return !Works(first, dir); }));
  // Its children end when they see that it is gone.
  absl::Status down;
  REQUIRE(Eventually([&] {
    down = (*database)->Transact([](Transaction& tx) { return GetPackage(tx, "v7.5.1").status(); });
    return !down.ok();
  }));
  CHECK(down.code() == absl::StatusCode::kUnavailable);
  CHECK_FALSE(Metadata(down, "remedy").empty());
  REQUIRE_OK(server->EnsureRunning());
  CHECK(Postmaster(dir) != first);
  CHECK(Works(Postmaster(dir), dir));
  // The same pool goes on.
  REQUIRE_OK(
      (*database)->Transact([](Transaction& tx) { return GetPackage(tx, "v7.5.1").status(); }));
}

TEST_CASE("a server that outlived its owner is adopted") {
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  const Reaper reaper{dir};
  const pid_t owner = fork();
  if (owner == 0) {
    auto server = EmbeddedServer::Start({.dir = dir});
    if (!server.ok()) _exit(1);
    Sql((*server)->Dsn(), "CREATE TABLE kept (n integer)");
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(owner, &status, 0) == owner);
  REQUIRE(WIFSIGNALED(status));
  const pid_t survivor = Postmaster(dir);
  REQUIRE(Works(survivor, dir));
  {
    const auto server = Start(dir);
    CHECK(Postmaster(dir) == survivor);
    CHECK(Sql(server->Dsn(), "SELECT count(*) FROM kept") == "0");
    REQUIRE_OK(server->EnsureRunning());
    CHECK(Postmaster(dir) == survivor);
  }
  CHECK_FALSE(Works(survivor, dir));  // It ends with the one who adopted it.
}

TEST_CASE("what a killed server leaves behind does not keep the next from starting") {
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  const Reaper reaper{dir};
  Start(dir).reset();
  // Another process of the server's user has its number by now.
  struct stat owner {};
  REQUIRE(stat((dir + "/data").c_str(), &owner) == 0);
  const pid_t other = fork();
  if (other == 0) {
    if (setuid(owner.st_uid) == 0) pause();
    _exit(1);
  }
  const std::string lines = std::to_string(other) + "\n" + dir + "/data\n1\n5432\n/x\n";
  std::ofstream(dir + "/data/postmaster.pid") << lines;
  std::ofstream(dir + "/run/.s.PGSQL.5432.lock") << lines;
  fs::create_directory(dir + "/data.new");  // Half of an initdb.
  const auto server = EmbeddedServer::Start({.dir = dir});
  const bool harmless = waitpid(other, nullptr, WNOHANG) == 0;
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  CHECK(harmless);
  REQUIRE_OK(server.status());
  CHECK(Works(Postmaster(dir), dir));
}

TEST_CASE("two owners of one folder: the second is refused") {
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  const Reaper reaper{dir};
  const auto server = Start(dir);
  const auto second = EmbeddedServer::Start({.dir = dir});
  CHECK(second.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(second.status()) == "EMBEDDED_DIR_IN_USE");
  CHECK(Works(Postmaster(dir), dir));
}

TEST_CASE("a path that is too long for a socket") {
  const test::TempDir temp;
  const std::string dir = temp / std::string(120, 'x');
  const Reaper reaper{dir};
  std::string socket_dir;
  {
    const auto server = Start(dir);
    socket_dir = Sql(server->Dsn(),
                     "SELECT trim('\"' FROM current_setting("
                     "'unix_socket_directories'))");
    CHECK(socket_dir.size() < 90);
    struct stat made {};
    REQUIRE(stat(socket_dir.c_str(), &made) == 0);
    CHECK((made.st_mode & 0777) == 0700);
  }
  CHECK(Start(dir)->Dsn().find(socket_dir) != std::string::npos);
  fs::remove_all(socket_dir);
}

TEST_CASE("what cannot work says why and what to do") {
  const test::TempDir temp;
  const std::string dir = temp / "pg";
  absl::Status status;
  SECTION("a folder that the server's user cannot enter") {
    if (geteuid() != 0) return;
    REQUIRE(chmod(temp.path().c_str(), 0700) == 0);
    status = EmbeddedServer::Start({.dir = dir}).status();
    CHECK(Reason(status) == "EMBEDDED_DIR_CLOSED");
  }
  SECTION("no such user") {
    if (geteuid() != 0) return;
    status = EmbeddedServer::Start({.dir = dir, .os_user = "no-such-user"}).status();
    CHECK(Reason(status) == "EMBEDDED_USER_MISSING");
  }
  SECTION("no server in the folder given") {
    status = EmbeddedServer::Start({.dir = dir, .bin_dir = "/nonexistent"}).status();
    CHECK(Reason(status) == "EMBEDDED_START_FAILED");
  }
  SECTION("data of a version that is not installed") {
    const Reaper reaper{dir};
    Start(dir).reset();
    std::ofstream(dir + "/data/PG_VERSION") << "9\n";
    status = EmbeddedServer::Start({.dir = dir}).status();
    CHECK(Reason(status) == "EMBEDDED_SERVER_MISSING");
  }
  SECTION("a broken configuration") {
    const Reaper reaper{dir};
    Start(dir).reset();
    std::ofstream(dir + "/data/postgresql.conf", std::ios::app) << "no such setting\n";
    status = EmbeddedServer::Start({.dir = dir}).status();
    CHECK(Reason(status) == "EMBEDDED_SERVER_FAILED");
    CHECK(Message(status).find("syntax error") != std::string::npos);
  }
  CHECK_FALSE(Metadata(status, "remedy").empty());
}

}  // namespace
}  // namespace dmgr::store
