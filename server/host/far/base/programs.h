// Programs of the host, started with an argument vector; never a shell.
#ifndef DMGR_SERVER_HOST_FAR_BASE_PROGRAMS_H_
#define DMGR_SERVER_HOST_FAR_BASE_PROGRAMS_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
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
  // Beside the group.
  std::vector<gid_t> groups{};
};

struct ProgramOptions {
  milliseconds timeout{60000};
  std::size_t output_limit = 16U << 10;
  // Of the program, when it is none of the host's own: then argv[0] is only what it is called.
  std::string path;
  // Otherwise as the far end itself.
  std::optional<RunAs> run_as;
  // Where it runs, if it may be entered; / else.
  std::string directory = "/";
  // "NAME=value"; empty: a fixed one.
  std::vector<std::string> environment;
};

// Who is told of a program while it runs, on the thread that runs it.
struct Listener {
  // Takes what it has written: to 1, its standard output, or 2, its standard error. What this
  // throws ends the program.
  std::function<void(int output, std::string_view data)> take;
  // How much of that is wanted now. Empty: all.
  std::function<std::size_t()> room{};
  // Called about every `tick_every`, and may throw as well. Empty: nobody asks.
  std::function<void()> tick{};
  milliseconds tick_every{50};
};

struct ProgramEnd {
  // As in ProgramResult.
  int exit_status = 0;
  // Its time was over, and it was killed.
  bool timed_out = false;
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
  // argv[0] is a name, looked up in the fixed PATH, unless the options have a path. Throws
  // NOT_FOUND, CANCELLED. What it leaves in the background of its process group is killed.
  ProgramEnd Follow(const Call& call, const std::vector<std::string>& argv,
                    const ProgramOptions& options, const Listener& listener);
  // The same, with what it wrote. Throws DEADLINE.
  ProgramResult Run(const Call& call, const std::vector<std::string>& argv,
                    const ProgramOptions& options = {});
  // Throws PROGRAM when it fails.
  std::string RunChecked(const Call& call, const std::vector<std::string>& argv,
                         const ProgramOptions& options = {});
  // From any thread: SIGKILL to the group of the program that runs, unless it is to be done first.
  void KillRunning();

 private:
  // What runs, and the ends of its pipes; killed when it is left.
  class Running;

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
