#include "tests/support/postgres.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <pqxx/pqxx>
#include <stdexcept>

#include "server/store/embedded.h"
#include "tests/support/temp_dir.h"

// For builds with LeakSanitizer: libpqxx 6.4.5 loses one result (2 KB) whenever a connection breaks
// within a statement.
extern "C" const char* __lsan_default_suppressions();   // NOLINT
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:PQmakeEmptyPGresult\n";
}

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

// Waits in a process of its own until this program has ended, however it did, then ends the server
// in the folder and removes the folder. Of what this program has open it keeps its pipe alone:
// others may wait for the end of theirs.
void StartJanitor(const std::string& dir) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) {
    close(fds[0]);  // The other end stays open for as long as this program lives.
    return;
  }
  setsid();
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    signal(signal_number, SIG_IGN);
  }
  dup2(fds[0], 0);
  close_range(1, ~0U, 0);
  char byte = 0;
  while (read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  pid_t postmaster = 0;
  std::ifstream(dir + "/pg/data/postmaster.pid") >> postmaster;
  std::error_code error;
  const std::string proc = fmt::format("/proc/{}", postmaster);
  if (postmaster > 0 && fs::equivalent(proc + "/cwd", dir + "/pg/data", error)) {
    kill(postmaster, SIGINT);
    for (int i = 0; i < 200 && fs::exists(proc + "/exe", error); ++i) usleep(50000);
  }
  fs::remove_all(dir, error);
  _exit(0);
}

struct Server {
  Server() {
    StartJanitor(dir.path());
    store::EmbeddedOptions options;
    options.dir = dir / "pg";
    auto started = store::EmbeddedServer::Start(options);
    if (!started.ok()) throw std::runtime_error(started.status().ToString());
    embedded = std::move(*started);
    // Nothing of it is to outlive the machine.
    Sql(embedded->Dsn(), "ALTER SYSTEM SET fsync = off");
    Sql(embedded->Dsn(), "SELECT pg_reload_conf()");
  }
  TempDir dir;
  std::unique_ptr<store::EmbeddedServer> embedded;
};

const std::string& ServerDsn() {
  static const Server kServer;
  static const std::string kDsn = kServer.embedded->Dsn();
  return kDsn;
}

}  // namespace

TestDsn::TestDsn() {
  static std::atomic<int> count = 0;
  name_ = fmt::format("test_{}", ++count);
  Sql(ServerDsn(), fmt::format("CREATE DATABASE {}", name_));
  // The last of two values counts.
  dsn_ = fmt::format("{} dbname={}", ServerDsn(), name_);
}

TestDsn::~TestDsn() {
  try {
    Sql(ServerDsn(), fmt::format("DROP DATABASE {} WITH (FORCE)", name_));
  } catch (const std::exception&) {  // It goes with the server.
  }
}

TestDatabase::TestDatabase(int pool_size) {
  auto opened = store::Database::Open({.dsn = dsn_.dsn(), .pool_size = pool_size});
  if (!opened.ok()) throw std::runtime_error(opened.status().ToString());
  database_ = std::move(*opened);
  const absl::Status migrated = database_->Migrate();
  if (!migrated.ok()) throw std::runtime_error(migrated.ToString());
}

std::string Sql(const std::string& dsn, const std::string& statements) {
  pqxx::connection connection(dsn);
  pqxx::quiet_errorhandler quiet(connection);
  pqxx::nontransaction session(connection);
  const pqxx::result rows = session.exec(statements);
  return rows.empty() || rows[0][0].is_null() ? std::string() : rows[0][0].as<std::string>();
}

}  // namespace dmgr::test
