#include "client/commands/database.h"

#include "client/commands/command.h"

namespace dmgr::client {

Option DeclareDatabase(const Syntax& syntax, const std::string& default_port,
                       DatabaseOptions* options) {
  constexpr int kLastPort = 65535;
  const Option host =
      syntax.Add("--host", &options->host, "name or address of the database, as workers reach it");
  syntax.Add("-P,--port", &options->port, "its port (" + default_port + ")").Between(1, kLastPort);
  syntax.Add("-u,--user", &options->user, "login there");
  syntax.Add("--password-file", &options->password_file,
             "file with its password; without one the password is asked for");
  return host;
}

absl::StatusOr<std::string> DatabasePassword(Environment& environment,
                                             const DatabaseOptions& options) {
  if (options.password_file.empty()) {
    return environment.terminal->AskSecret("Password of " + options.user + " at " + options.host);
  }
  ASSIGN_OR_RETURN(std::string password, ReadInput(options.password_file));
  if (password.ends_with('\n')) password.pop_back();
  if (password.ends_with('\r')) password.pop_back();
  return password;
}

absl::StatusOr<std::string> ReadConfig(const std::string& path) {
  return ReadInput(path == "-" ? "/dev/stdin" : path);
}

void DeclareSkipChecks(const Syntax& syntax, bool* skip_checks) {
  syntax.Flag("--skip-checks", skip_checks,
              "do not ask the database first: for one that the host of dmgrd does not reach");
}

void DeclareRevision(const Syntax& syntax, unsigned* revision) {
  syntax.Add("--revision", revision, "refuse when somebody has changed it since this revision");
}

}  // namespace dmgr::client
