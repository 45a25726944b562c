// Processes of the embedded server. Included by no other room.
#ifndef DMGR_SERVER_STORE_POSTGRES_PROCESS_H_
#define DMGR_SERVER_STORE_POSTGRES_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dmgr::store {

// Whom a process runs as.
struct OsUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  // This process is root and has to become the user.
  bool change = false;
};

// Root: the named user; else the user that this process is.
absl::StatusOr<OsUser> FindOsUser(const std::string& name);

struct Command {
  std::vector<std::string> argv;  // argv[0] is a path.
  std::string directory;
  std::string log_path;  // Gets stdout and stderr at its end; mode 0600.
};

// Starts it in a session of its own with an empty environment, no input and no open files of this
// process. Its exit must be collected with waitpid.
absl::StatusOr<pid_t> Spawn(const Command& command, const OsUser& user);

// Every process that works in the directory, which is what all of one postgres do.
std::vector<pid_t> ProcessesIn(const std::string& directory);
bool WorksIn(pid_t pid, const std::string& directory);

// The end of a log, at most about ten lines; empty when there is none.
std::string LogTail(const std::string& path);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_POSTGRES_PROCESS_H_
