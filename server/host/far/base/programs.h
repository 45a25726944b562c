// Programs of the host, started with an argument vector; never a shell.
#ifndef DMGR_SERVER_HOST_FAR_BASE_PROGRAMS_H_
#define DMGR_SERVER_HOST_FAR_BASE_PROGRAMS_H_

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/host/far/base/call.h"
#include "server/host/far/base/clock.h"
#include "server/host/far/base/paths.h"

namespace dmgr::far {

struct ProgramResult {
  // As a shell says it: 128 + the signal when one ended it.
  int exit_status = 0;
  // The last bytes of each, as many as were asked for.
  std::string out;
  std::string err;
};

struct RunAs {
  uid_t user = 0;
  gid_t group = 0;
};

struct ProgramOptions {
  milliseconds timeout{60000};
  std::size_t output_limit = 16U << 10;
  // Of the program, when it is none of the host's own: then argv[0] is only what it is called.
  std::string path;
  // Otherwise as the far end itself.
  std::optional<RunAs> run_as;
};

// useradd and its like: to kill one leaves half an account, and its locks; nothing ends them before
// they are done, unless they hang.
bool IsAccountProgram(const std::string& name);

// One program at a time. Each has a process group of its own, and dies with the far end but for
// account programs.
class Programs {
 public:
  explicit Programs(const Tree* tree) : tree_(tree) {}

  bool Has(const std::string& program) const { return !Find(program).empty(); }
  // argv[0] is a name, looked up in the fixed PATH, unless the options have one. Throws NOT_FOUND,
  // DEADLINE, CANCELLED.
  ProgramResult Run(const Call& call, const std::vector<std::string>& argv,
                    const ProgramOptions& options = {});
  // Throws PROGRAM when it fails.
  std::string RunChecked(const Call& call, const std::vector<std::string>& argv,
                         const ProgramOptions& options = {});
  // From any thread: SIGKILL to the group of the program that runs, unless it is to be done first.
  void KillRunning();

 private:
  std::string Find(const std::string& program) const;
  int Reap(pid_t pid, bool* reaped);
  void Kill();

  const Tree* const tree_;
  std::mutex mutex_;  // Guards running_: a pid that was reaped may be somebody else's.
  pid_t running_ = 0;
  bool to_be_done_ = false;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_PROGRAMS_H_
