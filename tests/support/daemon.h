#ifndef DMGR_TESTS_SUPPORT_DAEMON_H_
#define DMGR_TESTS_SUPPORT_DAEMON_H_

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/api_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {

struct DaemonOptions {
  /// Values of dmgrd.toml by "section.key", as TOML text; on top of what a test daemon needs.
  std::map<std::string, std::string> config{};
  std::map<std::string, std::string> env{};
  /// Where it listens; its address is on loopback all the same. Empty: on a unix socket only.
  std::string listen_host = "127.0.0.1";
  /// File with the CA of its certificate, when the configuration has one.
  std::string ca{};
  /// Makes the admin; else the first start prints the one-time secret.
  bool init_admin = true;
  /// Below ProgramDir().
  std::string program = "dmgrd";
};

/// A dmgrd of this build with a folder, an embedded PostgreSQL and a port of its own. It goes with
/// the object and, should the test die first, with the test: a guard ends every process that works
/// in its folder, and removes that. One thread.
class TestDaemon {
 public:
  static constexpr char kAdmin[] = "admin";
  static constexpr char kPassword[] = "correct horse battery";

  /// Returns when it serves. Throws std::runtime_error with the end of its log when it does not.
  explicit TestDaemon(DaemonOptions options = {});
  ~TestDaemon();
  TestDaemon(const TestDaemon&) = delete;
  TestDaemon& operator=(const TestDaemon&) = delete;

  /// As a crash: its PostgreSQL goes on.
  void Kill();
  /// SIGTERM; returns its exit code.
  int Stop(std::chrono::seconds limit = std::chrono::seconds(60));
  /// On the same address and folder; returns when it serves. env: for this start only.
  /// args: more of them, for this start only.
  void Start(const std::map<std::string, std::string>& env = {},
             const std::vector<std::string>& args = {});
  /// Its exit code (128 + a signal), or nullopt while it runs.
  std::optional<int> Poll() { return process_->Poll(); }
  /// Without waiting for anything.
  pid_t pid() const { return process_->pid(); }

  /// "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  /// Holds "data" (its data_dir) and what tests put there.
  const std::filesystem::path& dir() const { return dir_; }
  /// Of its PostgreSQL.
  std::string dsn() const;
  /// All that it wrote since the first start: its log and, without init_admin, the secret.
  std::string Log() const;
  /// A session of the admin, opened at the first call.
  const std::string& Token();
  /// The session has ended: the next call of Token opens another one.
  void ForgetSession();
  /// Calls with the admin's token. Good until the next Start.
  ApiClient& Admin();

  /// Command lines of dmgrctl with its own configuration folder. Without a login every command but
  /// `login` is refused: see LogIn.
  Command CtlCommand(std::vector<std::string> args, std::string input = "") const;
  Result Ctl(std::vector<std::string> args, std::string input = "") const;
  /// `dmgrctl login` as the admin.
  void LogIn() const;

 private:
  void WriteConfig() const;
  bool Serves() const;
  std::string Ca() const;

  const DaemonOptions options_;
  /// The guard removes it first, once nobody works in it.
  const test::TempDir folder_;
  const std::filesystem::path dir_ = folder_.path();
  std::unique_ptr<Guard> guard_;
  std::string address_;
  std::string token_;
  std::unique_ptr<ApiClient> admin_;
  std::unique_ptr<Child> process_;
};

/// The folder of dmgrd and dmgrctl of this build.
std::filesystem::path ProgramDir();

/// A call by its method's name, such as "dmgr.v1.AuthService/Login", of whatever kind: sends one
/// message and reads until the call has ended.
struct RawAnswer {
  grpc::Status status;
  std::vector<std::string> messages;
};
/// `authorization` is sent as it is; empty: not at all. `ca`: the text of a CA, for TLS.
RawAnswer RawCall(const std::string& address, const std::string& method,
                  const std::string& message = "", const std::string& authorization = "",
                  const std::string& ca = "",
                  std::chrono::seconds timeout = std::chrono::seconds(30));

/// grpc.health.v1: 1 is SERVING; -1 when nobody answers.
int HealthOf(const std::string& address, const std::string& ca = "");

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_DAEMON_H_
