#include "server/store/embedded.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include "common/files.h"
#include "server/store/pg.h"
#include "server/store/postgres_process.h"

namespace dmgr::store {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kPort = 5432;
// sun_path, less its terminating zero, "/", and ".s.PGSQL.5432".
constexpr std::size_t kMaxSocketDir = 107 - 1 - 13;
constexpr std::chrono::milliseconds kPoll(20);
constexpr std::chrono::seconds kAskPeriod(1);
constexpr std::chrono::seconds kPatience(30);
constexpr char kRole[] = "dmgr";
constexpr char kDatabase[] = "dmgr";
constexpr std::uintmax_t kMaxLogBytes = 10'000'000;
constexpr char kServerRemedy[] = "see the end of the log, mend the cause and start dmgrd again";
// Only the server's own user and root get in; both are the database role dmgr.
constexpr char kHba[] = "local all dmgr peer map=dmgr\n";

absl::Status SystemError(std::string_view what, const std::string& path) {
  return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_DIR_UNUSABLE", "cannot {} {}: {}",
               what, path, std::strerror(errno))
      .Remedy("see the permissions and the free space of this folder");
}

// Calls done every kPoll until it is true; false when the time is over.
template <typename F>
bool WaitFor(std::chrono::seconds patience, const F& done) {
  const auto deadline = Clock::now() + patience;
  while (!done()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

// A folder of the user with mode 0700; one that is there must be just that.
absl::Status MakePrivateDir(const std::string& path, const OsUser& user) {
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return SystemError("make", path);
  // By what was opened: where it is in may be the user's own, who could put a link in its place.
  const Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!dir.ok() || fstat(dir.get(), &found) != 0) return SystemError("look at", path);
  if (made && user.change && found.st_uid == geteuid()) {
    if (fchown(dir.get(), user.uid, user.gid) != 0) return SystemError("give away", path);
    return absl::OkStatus();
  }
  if (S_ISDIR(found.st_mode) && found.st_uid == user.uid && (found.st_mode & 077) == 0) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_DIR_UNSAFE",
               "{} must be a folder of user {} with mode 0700", path, user.name)
      .Remedy(fmt::format("chown {0} {1}; chmod 700 {1}; or remove it", user.name, path));
}

// Replaces the content of a file that initdb made.
absl::Status Overwrite(const std::string& path, const std::string& content) {
  // In place, since it belongs to the server's user: the folder is not the server's yet.
  const Fd file(open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
  if (!file.ok()) return SystemError("open", path);
  const bool written =
      write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      fsync(file.get()) == 0;
  return written ? absl::OkStatus() : SystemError("write", path);
}

// "15" of a data folder; empty when it has none yet.
std::string DataVersion(const std::string& data) {
  const std::string text = ReadFile(data + "/PG_VERSION").value_or(std::string());
  return text.substr(0, text.find('\n'));
}

// The folder of initdb and postgres: that of the data's version, else the newest one.
absl::StatusOr<std::string> FindBinDir(const std::string& data) {
  const std::string wanted = DataVersion(data);
  std::string best;
  int best_version = 0;
  const auto consider = [&](const fs::path& bin, const std::string& version) {
    int number = 0;
    std::from_chars(version.data(), version.data() + version.size(), number);
    if (number <= best_version || (!wanted.empty() && version != wanted)) return;
    if (access((bin / "postgres").c_str(), X_OK) != 0) return;
    if (access((bin / "initdb").c_str(), X_OK) != 0) return;
    best_version = number;
    best = bin;
  };
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    consider(entry.path() / "bin", entry.path().filename());
  }
  for (const auto& entry : fs::directory_iterator("/usr", ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("pgsql-")) consider(entry.path() / "bin", name.substr(6));
  }
  if (!best.empty()) return best;
  if (access("/usr/bin/postgres", X_OK) == 0 && access("/usr/bin/initdb", X_OK) == 0) {
    return std::string("/usr/bin");
  }
  return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_SERVER_MISSING",
               "no PostgreSQL server {}is installed", wanted.empty() ? "" : wanted + " ")
      .Remedy(fmt::format("apt-get install postgresql{}; or use a server of yours by [database] "
                          "dsn",
                          wanted.empty() ? "" : "-" + wanted));
}

struct PidFile {
  pid_t pid = 0;
  std::string socket_dir;
  // It lets clients in.
  bool is_ready = false;
};

// What a running postgres has written of itself; pid 0 when there is nothing.
PidFile ReadPidFile(const std::string& data) {
  std::istringstream text(ReadFile(data + "/postmaster.pid").value_or(std::string()));
  // Pid, data folder, start time, port, socket folder, addresses, shared memory, status.
  std::string lines[8];
  for (std::string& line : lines) std::getline(text, line);
  PidFile found;
  std::from_chars(lines[0].data(), lines[0].data() + lines[0].size(), found.pid);
  found.socket_dir = lines[4];
  found.is_ready = lines[7].starts_with("ready");
  return found;
}

}  // namespace

struct EmbeddedServer::Impl {
  std::string dir, data, log, socket_dir, bin;
  OsUser user;
  int lock_fd = -1;
  pid_t pid = 0;

  ~Impl() {
    if (lock_fd >= 0) close(lock_fd);
  }
  absl::Status Prepare(const EmbeddedOptions& options);
  absl::Status ChooseSocketDir();
  absl::Status InitData();
  bool Alive() const;
  // Nothing of a server is left, not even for waitpid.
  bool Gone() const;
  absl::Status StartOrAdopt();
  absl::Status StartServer();
  absl::Status WaitReady();
  absl::Status CreateDatabase();
  void Stop();
  absl::Status ServerError(std::string_view what) const;
  std::string Dsn(const char* database) const;
};

absl::Status EmbeddedServer::Impl::ServerError(std::string_view what) const {
  return Error(absl::StatusCode::kUnavailable, "EMBEDDED_SERVER_FAILED",
               "embedded PostgreSQL in {}: {}; its log ends with: {}", dir, what,
               Printable(LogTail(log)))
      .With("log", log)
      .Remedy(kServerRemedy);
}

std::string EmbeddedServer::Impl::Dsn(const char* database) const {
  return fmt::format("host={} port={} dbname={} user={} requirepeer={}", QuoteConninfo(socket_dir),
                     kPort, database, kRole, QuoteConninfo(user.name));
}

absl::Status EmbeddedServer::Impl::Prepare(const EmbeddedOptions& options) {
  ASSIGN_OR_RETURN(user, FindOsUser(options.os_user));
  std::error_code error;
  dir = fs::absolute(options.dir, error).lexically_normal();
  if (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  fs::create_directories(fs::path(dir).parent_path(), error);
  RETURN_IF_ERROR(MakePrivateDir(dir, user));
  data = dir + "/data";
  log = dir + "/postgres.log";
  const std::string lock = dir + "/lock";
  lock_fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_fd < 0) return SystemError("open", lock);
  if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_DIR_IN_USE",
                 "another dmgrd uses the embedded PostgreSQL in {}", dir)
        .Remedy("stop that dmgrd; several can share a server of yours: [database] dsn");
  }
  bin = options.bin_dir;
  if (bin.empty()) {
    ASSIGN_OR_RETURN(bin, FindBinDir(data));
  }
  return absl::OkStatus();
}

absl::Status EmbeddedServer::Impl::ChooseSocketDir() {
  socket_dir = dir + "/run";
  if (socket_dir.size() > kMaxSocketDir) {
    struct stat found {};
    if (stat(dir.c_str(), &found) != 0) return SystemError("look at", dir);
    // The same folder for every start, or a server that still runs would not be found.
    socket_dir =
        fmt::format("{}/dmgr-pg-{}-{}", user.change ? "/run" : "/tmp", found.st_dev, found.st_ino);
    spdlog::info("the path {}/run is too long for a unix socket: it is in {}", dir, socket_dir);
  }
  return MakePrivateDir(socket_dir, user);
}

absl::Status EmbeddedServer::Impl::InitData() {
  if (!DataVersion(data).empty()) return absl::OkStatus();
  // Made aside and renamed when complete: a crash leaves no half of a data folder.
  const std::string made = data + ".new";
  std::error_code error;
  fs::remove_all(made, error);
  const Command command = {
      {bin + "/initdb", "--pgdata=" + made, std::string("--username=") + kRole, "--auth-local=peer",
       "--auth-host=reject", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync"},
      dir,
      log};
  ASSIGN_OR_RETURN(const pid_t initdb, Spawn(command, user));
  int status = 0;
  while (waitpid(initdb, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fs::remove_all(made, error);
    return ServerError("initdb failed");
  }
  std::string ident = fmt::format("dmgr root {}\n", kRole);
  if (user.name != "root") ident += fmt::format("dmgr \"{}\" {}\n", user.name, kRole);
  RETURN_IF_ERROR(Overwrite(made + "/pg_hba.conf", kHba));
  RETURN_IF_ERROR(Overwrite(made + "/pg_ident.conf", ident));
  // At once instead of file by file.
  const Fd folder(open(made.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (syncfs(folder.get()) != 0) return SystemError("sync", made);
  if (rename(made.c_str(), data.c_str()) != 0) return SystemError("rename", made);
  if (const absl::Status synced = SyncFolder(dir); !synced.ok()) {
    errno = ErrnoOf(synced);
    return SystemError("sync", dir);
  }
  return absl::OkStatus();
}

bool EmbeddedServer::Impl::Alive() const {
  if (pid == 0) return false;
  waitpid(pid, nullptr, WNOHANG);  // Collects it when it is a child that has died.
  return WorksIn(pid, data);
}

bool EmbeddedServer::Impl::Gone() const {
  return (pid == 0 || waitpid(pid, nullptr, WNOHANG) != 0) && ProcessesIn(data).empty();
}

absl::Status EmbeddedServer::Impl::StartServer() {
  // What a killed postgres leaves works to its end, and a second one must not start before.
  if (!WaitFor(kPatience, [&] { return Gone(); })) {
    return ServerError("processes of a server that died do not end");
  }
  // Nobody works there, so what it says of a process is stale: the number may be another's by now.
  unlink((data + "/postmaster.pid").c_str());
  unlink(fmt::format("{}/.s.PGSQL.{}.lock", socket_dir, kPort).c_str());
  std::error_code error;
  if (fs::file_size(log, error) > kMaxLogBytes && !error) fs::rename(log, log + ".1", error);
  std::vector<std::string> argv = {bin + "/postgres", "-D", data};
  for (const std::string& setting :
       {std::string("listen_addresses="), fmt::format("port={}", kPort),
        fmt::format("unix_socket_directories=\"{}\"", socket_dir),
        std::string("unix_socket_permissions=0700"), std::string("cluster_name=dmgr"),
        // The changes of a minute are few.
        std::string("autovacuum_naptime=5min"),
        // After a crash: its thousand files one by one take seconds.
        std::string("recovery_init_sync_method=syncfs"),
        // Without the values of rows, which may be secret.
        std::string("log_error_verbosity=terse")}) {
    argv.insert(argv.end(), {"-c", setting});
  }
  ASSIGN_OR_RETURN(pid, Spawn({argv, dir, log}, user));
  // postgres enters its data folder soon after exec; until then Alive() would say no.
  if (!WaitFor(kPatience,
               [&] { return WorksIn(pid, data) || waitpid(pid, nullptr, WNOHANG) != 0; })) {
    return ServerError("it does not begin");
  }
  return absl::OkStatus();
}

absl::Status EmbeddedServer::Impl::WaitReady() {
  // Another database than ours: it is there from the beginning.
  const std::string dsn = Dsn("postgres") + " connect_timeout=2";
  auto heard = Clock::now();
  while (true) {
    // A question costs a process of the server, which is busy enough with a recovery.
    WaitFor(kAskPeriod, [&] { return ReadPidFile(data).is_ready || !Alive(); });
    const PGPing answer = PQping(dsn.c_str());
    if (answer == PQPING_OK) return absl::OkStatus();
    if (!Alive()) return ServerError("it ended");
    if (answer == PQPING_REJECT) heard = Clock::now();  // It says that it starts, or recovers.
    if (Clock::now() - heard > kPatience) return ServerError("it does not answer");
    std::this_thread::sleep_for(kPoll);
  }
}

absl::Status EmbeddedServer::Impl::StartOrAdopt() {
  const PidFile running = ReadPidFile(data);
  if (running.pid > 0 && WorksIn(running.pid, data)) {
    pid = running.pid;
    socket_dir = running.socket_dir;
    if (WaitReady().ok()) return absl::OkStatus();
    // It was about to end.
    if (Alive()) return ServerError("a server that was found running does not answer");
  }
  RETURN_IF_ERROR(ChooseSocketDir());
  RETURN_IF_ERROR(StartServer());
  return WaitReady();
}

absl::Status EmbeddedServer::Impl::CreateDatabase() {
  try {
    Connection connection(Dsn("postgres"));
    pqxx::nontransaction session(connection.pq);
    const auto found =
        session.exec_params("SELECT 1 FROM pg_database WHERE datname = $1", kDatabase);
    if (found.empty()) session.exec(fmt::format("CREATE DATABASE {}", kDatabase));
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return ServerError(Printable(e.what()));
  }
}

void EmbeddedServer::Impl::Stop() {
  if (!Alive()) return;
  kill(pid, SIGINT);  // Fast: ends the sessions, writes all out.
  if (WaitFor(kPatience, [&] { return Gone(); })) return;
  spdlog::warn("the embedded PostgreSQL in {} does not end: ending it at once", dir);
  if (Alive()) kill(pid, SIGQUIT);  // Loses nothing: the next start recovers from its log.
  WaitFor(kPatience, [&] { return Gone(); });
}

absl::Status CheckEmbedded(const EmbeddedOptions& options) {
  RETURN_IF_ERROR(FindOsUser(options.os_user).status());
  if (!options.bin_dir.empty()) return absl::OkStatus();
  return FindBinDir(options.dir + "/data").status();
}

EmbeddedServer::EmbeddedServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedServer::~EmbeddedServer() { impl_->Stop(); }

absl::StatusOr<std::unique_ptr<EmbeddedServer>> EmbeddedServer::Start(
    const EmbeddedOptions& options) {
  // From here on its destructor ends what was begun.
  auto server = std::unique_ptr<EmbeddedServer>(new EmbeddedServer(std::make_unique<Impl>()));
  RETURN_IF_ERROR(server->impl_->Prepare(options));
  RETURN_IF_ERROR(server->impl_->InitData());
  RETURN_IF_ERROR(server->impl_->StartOrAdopt());
  RETURN_IF_ERROR(server->impl_->CreateDatabase());
  return server;
}

std::string EmbeddedServer::Dsn() const { return impl_->Dsn(kDatabase); }

absl::Status EmbeddedServer::EnsureRunning() {
  return impl_->Alive() ? absl::OkStatus() : impl_->StartOrAdopt();
}

}  // namespace dmgr::store
