// dmgrd: its command line, its first admin, and its end by a signal.
#include <pwd.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>

#include "common/error.h"
#include "common/least_tls.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "common/version.h"
#include "server/accounts/first_admin.h"
#include "server/backup_command.h"
#include "server/config.h"
#include "server/config_check.h"
#include "server/config_file.h"
#include "server/daemon.h"
#include "server/key_commands.h"
#include "server/logging.h"
#include "server/reload.h"
#include "server/restore_command.h"
#include "server/rpc/make_certificate.h"
#include "server/secrets/key_source.h"
#include "server/service_manager.h"
#include "server/store/database.h"

namespace dmgr {
namespace {

struct Arguments {
  std::string config_file;
  bool check_config = false;
  // "user:file": makes the first admin with the password in the file ("-": standard input).
  std::string init_admin;
  bool new_bootstrap_secret = false;
  bool database_only = false;
  bool after_restore = false;
  std::string backup;
  std::string restore;
  bool force = false;
  bool rotate_master_key = false;
  std::string next_master_key;
  bool forget_secrets = false;
  bool init_tls = false;
  std::vector<std::string> tls_names;
};

// While it lasts nobody is served and nothing is executed.
absl::Status WaitForEnd(const sigset_t& signals) {
  spdlog::info("the database is there, and nothing else: SIGTERM or Ctrl-C ends it");
  while (true) {
    const int signal_number = sigwaitinfo(&signals, nullptr);
    if (signal_number == SIGTERM || signal_number == SIGINT) return absl::CancelledError("");
  }
}

// The first admin: from the command line, or by a one-time secret in a file.
absl::Status SetUpFirstAdmin(const Arguments& arguments, const std::string& secret_file,
                             store::Database* database) {
  if (arguments.init_admin.empty()) {
    ASSIGN_OR_RETURN(const bool is_new, accounts::MakeBootstrapSecret(
                                            database, secret_file, arguments.new_bootstrap_secret));
    if (is_new) {
      // The secret itself goes neither here nor to the log: both are kept, and shipped.
      std::cout
          << "First start: there is no user yet. Who logs in with the secret in this file, within "
             "an hour, is the admin:\n"
          << "  first secret file: " << secret_file << std::endl;
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
  const WipeAtEnd wiped(&password);
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

// Until a signal to stop comes; looks after the daemon meanwhile. Not OK: it cannot go on.
absl::Status RunUntilStopped(Daemon* daemon, const std::string& config_file, Config* config,
                             const sigset_t& signals) {
  const absl::Duration alive_period = AlivePeriod() / 4;
  absl::Time next_alive = absl::InfinitePast();
  bool was_alive = true;
  timespec wait = {.tv_sec = 1, .tv_nsec = 0};
  while (true) {
    const int signal_number = sigtimedwait(&signals, nullptr, &wait);
    if (signal_number == SIGTERM || signal_number == SIGINT) return absl::OkStatus();
    if (signal_number == SIGHUP || signal_number == SIGUSR1) ReopenLog();
    if (signal_number == SIGHUP) ReloadConfig(config_file, config, daemon);
    wait.tv_sec = daemon->LookAfter() ? 0 : 1;
    RETURN_IF_ERROR(daemon->Check());
    const bool is_alive = daemon->IsAlive();
    if (was_alive && !is_alive)
      spdlog::error("operations are not looked for any more: this dmgrd hangs");
    was_alive = is_alive;
    if (!is_alive || SteadyNow() < next_alive) continue;
    TellAlive();
    next_alive = SteadyNow() + alive_period;
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "dmgrd: " << Message(status) << "\n";
  const std::string remedy = Metadata(status, "remedy");
  if (!remedy.empty()) std::cerr << "  " << remedy << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

absl::Status InitTls(const std::string& data_dir, std::vector<std::string> names) {
  const std::vector<std::string> own = rpc::OwnNames();
  names.insert(names.end(), own.begin(), own.end());
  ASSIGN_OR_RETURN(const auto files, rpc::MakeCertificate(data_dir + "/tls", names));
  std::cout << "A certificate for " << fmt::format("{}", fmt::join(names, ", "))
            << " is made. In [server] of dmgrd.toml:\n"
            << "  tls_cert = \"" << files.cert << "\"\n"
            << "  tls_key = \"" << files.key << "\"\n"
            << "Clients are given the CA: " << files.ca << std::endl;
  return absl::OkStatus();
}

// What dmgrd holds is the keys of a fleet: nothing of it is for other users to read, not in its
// files and not in a core dump. Who needs a file to be readable says so where it is made.
void KeepPrivate() {
  umask(0077);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

// What root makes in another user's folder is root's own, and that user's dmgrd could not read it.
absl::Status CheckUser(const std::string& data_dir) {
  struct stat info = {};
  if (geteuid() != 0 || stat(data_dir.c_str(), &info) != 0 || info.st_uid == 0) {
    return absl::OkStatus();
  }
  const passwd* user = getpwuid(info.st_uid);
  const std::string name = user == nullptr ? fmt::format("#{}", info.st_uid) : user->pw_name;
  return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_OF_ANOTHER_USER",
               "{} is of user {}, and this is root", data_dir, name)
      .With("path", data_dir)
      .Remedy(fmt::format("run dmgrd as that user: runuser -u {} -- dmgrd ...", name));
}

int Run(const Arguments& arguments) {
  KeepPrivate();
  // Every thread inherits the mask: signals are taken by sigtimedwait only.
  sigset_t signals;
  sigemptyset(&signals);
  for (int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  std::optional<Secret> key_variable = secrets::TakeVariable(secrets::kKeyVariable);
  std::optional<Secret> s3_variable = secrets::TakeVariable(kS3KeyVariable);
  if (arguments.check_config) {
    return CheckConfigFile(arguments.config_file, std::move(key_variable), std::move(s3_variable));
  }
  auto config = LoadConfig(arguments.config_file);
  if (!config.ok()) return Fail(config.status());
  if (const absl::Status user = CheckUser(config->data_dir); !user.ok()) return Fail(user);
  if (arguments.init_tls) {
    const absl::Status made = InitTls(config->data_dir, arguments.tls_names);
    return made.ok() ? 0 : Fail(made);
  }
  const bool ends_after_start =
      arguments.database_only || arguments.rotate_master_key || arguments.forget_secrets;
  if (const absl::Status logging = SetUpLogging(*config); !logging.ok()) return Fail(logging);
  const auto key = FindKeyOf(*config, std::move(key_variable));
  if (!key.ok()) return Fail(key.status());
  if (!arguments.backup.empty() || !arguments.restore.empty()) {
    const absl::Status done = arguments.backup.empty()
                                  ? Restore(*config, *key, arguments.restore)
                                  : BackUp(*config, *key, arguments.backup, arguments.force);
    return done.ok() ? 0 : Fail(done);
  }
  auto shared = OpenShared(*config, std::move(s3_variable));
  if (!shared.ok()) return Fail(shared.status());
  auto daemon = Daemon::Start(
      *config, *key, *std::move(shared), [&](store::Database* database) -> absl::Status {
        if (arguments.database_only) return WaitForEnd(signals);
        if (arguments.rotate_master_key || arguments.forget_secrets) {
          RETURN_IF_ERROR(arguments.forget_secrets
                              ? ForgetSecrets(database, *key)
                              : RotateMasterKey(database, *key, arguments.next_master_key));
          return absl::CancelledError("");
        }
        if (arguments.after_restore) RETURN_IF_ERROR(MakeRestoredSafe(database));
        return SetUpFirstAdmin(arguments, config->FirstSecretFile(), database);
      });
  if (ends_after_start && absl::IsCancelled(daemon.status())) return 0;
  if (!daemon.ok()) return Fail(daemon.status());
  spdlog::info("dmgrd {} serves on {}, in {} mode{}", BuildVersion(), config->Addresses(),
               config->debug_mode ? "debug" : "release",
               config->debug_mode ? ": plain text on loopback is allowed, reflection is on" : "");
  const absl::Status ended =
      RunUntilStopped(daemon->get(), arguments.config_file, &*config, signals);
  if (!ended.ok()) spdlog::error("{}: {}", Message(ended), Metadata(ended, "remedy"));
  TellStopping();
  spdlog::info("stopping");
  (*daemon)->Shutdown(config->shutdown_grace);
  spdlog::info("stopped");
  return ended.ok() ? 0 : 1;
}

}  // namespace
}  // namespace dmgr

int main(int argc, char** argv) {
  dmgr::RequireTls13();
  dmgr::Arguments arguments;
  CLI::App app("dmgrd: control plane for clusters of TiDB Data Migration");
  app.add_option("--config", arguments.config_file, "dmgrd.toml; without it: the defaults");
  app.add_flag("--check-config", arguments.check_config,
               "say all that is wrong with dmgrd.toml, and with the files and addresses that it "
               "names, and end: 0 when it is nothing, 1 else; nothing is started or changed");
  app.add_option("--init-admin", arguments.init_admin,
                 "NAME:FILE: make the first admin with the password in FILE (-: standard input)");
  app.add_flag("--new-bootstrap-secret", arguments.new_bootstrap_secret,
               "make a new one-time secret for the first admin");
  app.add_flag("--database-only", arguments.database_only,
               "start the embedded database and nothing else, for a restore");
  app.add_flag("--after-restore", arguments.after_restore,
               "the database was restored from a backup: end its sessions, let what was under way "
               "wait for a person, and go on above what hosts have seen");
  auto* backup = app.add_option("--backup", arguments.backup,
                                "FILE: write a backup of the database and of what clusters have on "
                                "this machine, sealed with the master key, and end; dmgrd may run "
                                "meanwhile");
  app.add_option("--restore", arguments.restore,
                 "FILE: put a backup into an empty database and data folder, and end")
      ->excludes(backup);
  app.add_flag("--force", arguments.force, "with --backup: replace a file that is there")
      ->needs(backup);
  app.add_flag(
      "--rotate-master-key", arguments.rotate_master_key,
      "seal all that is sealed with another master key, and end; goes on where one that was "
      "cut off has got to");
  app.add_option(
      "--next-master-key", arguments.next_master_key,
      "FILE: with --rotate-master-key: the other key, made when it is not there; without "
      "it the file of the present one gets it");
  app.add_flag("--forget-secrets", arguments.forget_secrets,
               "the master key is lost for good: give up all that is sealed with it, and end");
  app.add_flag(
      "--init-tls", arguments.init_tls,
      "make a CA, unless there is one, and a certificate of it in {data_dir}/tls, and end");
  app.add_option(
      "--tls-name", arguments.tls_names,
      "with --init-tls: a name or address by which clients reach dmgrd, beside the host's "
      "name and loopback; may be repeated");
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
