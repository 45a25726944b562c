// dmgrd: wires the rooms together.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/version.h"
#include "server/accounts/first_admin.h"
#include "server/auth/secret_box.h"
#include "server/config.h"
#include "server/engine/engine.h"
#include "server/engine/event_feed.h"
#ifdef DMGR_FAULT_POINTS
#include "server/fault_points.h"
#endif
#include "server/host/near/connector.h"
#include "server/logging.h"
#include "server/members/http_source.h"
#include "server/operations/catalog.h"
#include "server/operations/steps/host_scope.h"
#include "server/resources/resources.h"
#include "server/rpc/server.h"
#include "server/store/embedded.h"
#include "server/store/operation_store.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string config_file;
  // "user:file": makes the first admin with the password in the file ("-": standard input).
  std::string init_admin;
  bool new_bootstrap_secret = false;
};

// systemd's notification protocol: one datagram to the socket that it names.
void Notify(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = path;
  if (name.size() >= sizeof(address.sun_path)) return;
  name.copy(address.sun_path, name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // An abstract socket.
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
  close(fd);
}

absl::StatusOr<Config> LoadConfig(const std::string& file) {
  std::string text;
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    if (!in) {
      return Error(absl::StatusCode::kNotFound, "CONFIG_UNREADABLE", "cannot read {}", file)
          .Remedy("a documented example is deploy/dmgrd.toml");
    }
    text = out.str();
  }
  const char* mode = std::getenv("DMGR_MODE");
  std::vector<std::string> problems;
  Config config = ParseConfig(text, file, mode == nullptr ? "" : mode, &problems);
  if (problems.empty()) return config;
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID", "{}",
               fmt::join(problems, "\n"))
      .Remedy("every key is documented in deploy/dmgrd.toml");
}

absl::Status MakeDataDir(const std::string& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (!error) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_UNUSABLE", "cannot make {}: {}",
               dir, error.message())
      .Remedy("set [paths] data_dir to a folder that dmgrd may write");
}

// The first admin: from the command line, or by a one-time secret that is printed once.
absl::Status SetUpFirstAdmin(const Arguments& arguments, store::Database* database) {
  if (arguments.init_admin.empty()) {
    ASSIGN_OR_RETURN(const std::string secret,
                     accounts::MakeBootstrapSecret(database, arguments.new_bootstrap_secret));
    if (!secret.empty()) {
      // Not through the log: logs are kept and shipped.
      std::cout << "First start: there is no user yet. Make yourself the admin:\n"
                << "  dmgrctl login --user NAME --first-secret " << secret << std::endl;
    }
    return absl::OkStatus();
  }
  const auto colon = arguments.init_admin.find(':');
  if (colon == std::string::npos) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "--init-admin takes NAME:FILE, FILE holding the password");
  }
  const std::string file = arguments.init_admin.substr(colon + 1);
  std::string password;
  std::ifstream in;
  if (file != "-") in.open(file);
  if (!std::getline(file == "-" ? std::cin : in, password)) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE", "no password can be read from {}",
                 file);
  }
  const absl::Status made =
      accounts::CreateFirstAdmin(database, arguments.init_admin.substr(0, colon), password);
  // A script may start dmgrd again with the same arguments.
  if (Reason(made) == "USERS_EXIST") return absl::OkStatus();
  return made;
}

std::string OwnDir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

// Everything that dmgrd holds, in the order of its making.
struct Daemon {
  std::unique_ptr<store::EmbeddedServer> embedded;
  std::unique_ptr<store::Database> database;
  std::optional<auth::SecretBox> secrets;
  host::FarEndProgram far_end;
  std::optional<host::SshConnector> hosts;
  members::HttpMemberSource members;
  Resources resources;
  engine::Registry registry;
  std::unique_ptr<engine::EventFeed> feed;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<rpc::Server> server;
};

absl::Status StartDaemon(const Config& config, const Arguments& arguments, Daemon* daemon) {
  RETURN_IF_ERROR(MakeDataDir(config.data_dir));
  std::string dsn = config.dsn;
  if (dsn.empty()) {
    store::EmbeddedOptions options;
    options.dir = config.data_dir + "/postgresql";
    ASSIGN_OR_RETURN(daemon->embedded, store::EmbeddedServer::Start(options));
    dsn = daemon->embedded->Dsn();
  }
  ASSIGN_OR_RETURN(daemon->database,
                   store::Database::Open({.dsn = dsn, .pool_size = config.pool_size}));
  RETURN_IF_ERROR(daemon->database->Migrate());
  ASSIGN_OR_RETURN(daemon->secrets, auth::SecretBox::Open(config.master_key));
  ASSIGN_OR_RETURN(
      daemon->far_end,
      host::FarEndProgram::Load(config.far_end_dir.empty() ? OwnDir() : config.far_end_dir));
  daemon->hosts.emplace(&daemon->far_end);
  RETURN_IF_ERROR(SetUpFirstAdmin(arguments, daemon->database.get()));
  daemon->resources = {.database = daemon->database.get(),
                       .secrets = &*daemon->secrets,
                       .far_end = &daemon->far_end,
                       .hosts = &*daemon->hosts,
                       .members = &daemon->members,
                       .cluster_path = config.cluster_path,
                       .warehouse_dir = config.warehouse_dir};
  operations::RegisterAll(&daemon->resources, &daemon->registry);
  daemon->feed = std::make_unique<engine::EventFeed>(daemon->database.get(), dsn);
  engine::EngineOptions options;
  options.lease = config.lease;
  options.max_operations = config.max_operations;
  options.max_steps = config.max_steps;
#ifdef DMGR_FAULT_POINTS
  options.fault_hook = FaultHookOfEnvironment();
#endif
  daemon->engine =
      std::make_unique<engine::Engine>(daemon->database.get(), dsn, &daemon->registry,
                                       operations::MakeScopeFactory(&daemon->resources), options);
  ASSIGN_OR_RETURN(daemon->server, rpc::Server::Start({.listen = config.listen,
                                                       .tls_cert = config.tls_cert,
                                                       .tls_key = config.tls_key,
                                                       .reflection = config.debug_mode,
                                                       .token_lifetime = config.token_lifetime,
                                                       .max_operations = config.max_operations,
                                                       .max_steps = config.max_steps,
                                                       .keep_days = config.keep_days},
                                                      &daemon->resources, daemon->feed.get()));
  daemon->engine->Start();
  return absl::OkStatus();
}

void Prune(store::Database* database, int keep_days) {
  if (keep_days == 0) return;
  constexpr int kRowsAtOnce = 20'000;
  store::Pruned pruned;
  const absl::Status status = database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(
        pruned, store::PruneOperations(tx, absl::Now() - absl::Hours(24) * keep_days, kRowsAtOnce));
    return absl::OkStatus();
  });
  if (!status.ok()) spdlog::warn("old operations are not forgotten: {}", Message(status));
  if (pruned.operations > 0) spdlog::info("{} old operations are forgotten", pruned.operations);
}

// Until a signal to stop comes; looks after the embedded database and the history meanwhile.
void RunUntilStopped(Daemon* daemon, const Config& config, const sigset_t& signals) {
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  absl::Time next_prune = absl::Now();
  while (true) {
    if (absl::Now() >= next_prune) {
      Prune(daemon->database.get(), config.keep_days);
      next_prune = absl::Now() + absl::Hours(1);
    }
    const int signal_number = sigtimedwait(&signals, nullptr, &second);
    if (signal_number == SIGTERM || signal_number == SIGINT) return;
    if (daemon->embedded == nullptr) continue;
    const absl::Status running = daemon->embedded->EnsureRunning();
    if (!running.ok()) spdlog::error("the embedded database: {}", Message(running));
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "dmgrd: " << Message(status) << "\n";
  const std::string remedy = Metadata(status, "remedy");
  if (!remedy.empty()) std::cerr << "  " << remedy << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

int Run(const Arguments& arguments) {
  // Every thread inherits the mask: signals are taken by sigtimedwait only.
  sigset_t signals;
  sigemptyset(&signals);
  for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  umask(0022);

  auto config = LoadConfig(arguments.config_file);
  if (!config.ok()) return Fail(config.status());
  SetUpLogging(*config);
  Daemon daemon;
  const absl::Status started = StartDaemon(*config, arguments, &daemon);
  if (!started.ok()) return Fail(started);
  spdlog::info("dmgrd {} serves on {} ({} mode, {})", BuildVersion(), config->listen,
               config->debug_mode ? "debug" : "release",
               config->tls_cert.empty() ? "plain text" : "TLS");
  Notify("READY=1");
  RunUntilStopped(&daemon, *config, signals);
  Notify("STOPPING=1");
  spdlog::info("stopping");
  const absl::Time deadline = absl::Now() + config->shutdown_grace;
  daemon.server->Shutdown(config->shutdown_grace / 4);
  daemon.engine->Shutdown(std::max(deadline - absl::Now(), absl::ZeroDuration()));
  spdlog::info("stopped");
  return 0;
}

}  // namespace
}  // namespace dmgr

int main(int argc, char** argv) {
  dmgr::Arguments arguments;
  CLI::App app("dmgrd: control plane for clusters of TiDB Data Migration");
  app.add_option("--config", arguments.config_file, "dmgrd.toml; without it: the defaults");
  app.add_option("--init-admin", arguments.init_admin,
                 "NAME:FILE: make the first admin with the password in FILE (-: standard input)");
  app.add_flag("--new-bootstrap-secret", arguments.new_bootstrap_secret,
               "print a new one-time secret for the first admin");
  app.set_version_flag("--version", "dmgrd " + std::string(dmgr::BuildVersion()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return dmgr::Run(arguments);
  } catch (const std::exception& e) {
    std::cerr << "dmgrd: " << e.what() << "\n";
    return 1;
  }
}
