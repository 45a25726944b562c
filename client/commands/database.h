// What commands share that name a database or read a configuration of DM.
#ifndef DMGR_CLIENT_COMMANDS_DATABASE_H_
#define DMGR_CLIENT_COMMANDS_DATABASE_H_

#include <string>

#include "client/environment.h"
#include "client/syntax.h"
#include "dmgr/v1/database_check.pb.h"

namespace dmgr::client {

struct DatabaseOptions {
  std::string host;
  unsigned port = 0;
  std::string user;
  std::string password_file;
};
// --host, --port, --user, --password-file. Returns the first.
Option DeclareDatabase(const Syntax& syntax, const std::string& default_port,
                       DatabaseOptions* options);
// Of --password-file, its last line end left out; else asked for (or a line of standard input).
absl::StatusOr<std::string> DatabasePassword(Environment& environment,
                                             const DatabaseOptions& options);

// The whole of a configuration file; "-" is standard input.
absl::StatusOr<std::string> ReadConfig(const std::string& path);

// --skip-checks, of what has dmgrd ask a database before it records it.
void DeclareSkipChecks(const Syntax& syntax, bool* skip_checks);

// Whether one of a database's checks has failed.
template <typename Checks>
bool HasFailed(const Checks& checks) {
  for (const auto& check : checks) {
    if (check.result() == v1::DATABASE_CHECK_RESULT_FAIL) return true;
  }
  return false;
}

// --revision: refuse when it is of another one.
void DeclareRevision(const Syntax& syntax, unsigned* revision);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_DATABASE_H_
