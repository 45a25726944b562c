// What commands share that name a database or read a configuration of DM.
#ifndef DMGR_CLIENT_COMMANDS_DATABASE_H_
#define DMGR_CLIENT_COMMANDS_DATABASE_H_

#include <string>

#include "client/environment.h"
#include "client/syntax.h"

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

// --revision: refuse when it is of another one.
void DeclareRevision(const Syntax& syntax, unsigned* revision);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_DATABASE_H_
