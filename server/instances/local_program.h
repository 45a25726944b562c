// Private to this room: a program on dmgrd's own machine, which is trusted with nothing there.
#ifndef DMGR_SERVER_INSTANCES_LOCAL_PROGRAM_H_
#define DMGR_SERVER_INSTANCES_LOCAL_PROGRAM_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::instances {

// A word of a command line: a text, or the content of a file, in whose place the program gets a
// path by which it, and no other, can read it.
struct ProgramWord {
  std::string text{};
  std::string content{};
  bool is_file = false;
};

struct LocalEnd {
  // As a shell says it: 128 + the signal when one ended it.
  int exit_status = 0;
  // Its time was over, and it was killed.
  bool timed_out = false;
};

// Takes what it has written, and says whether anybody wants more.
using TakeOutput = std::function<bool(bool is_error, std::string_view data)>;

// Runs the program at a path with these words, with nothing to read, without an environment and
// without rights: as nobody when dmgrd is root, and with no way to get any. The words do not show
// what is in files. CANCELLED when nobody wants its output, or `gone`, about ten times a second
// asked; then it is killed with what it has started. FAILED_PRECONDITION, DMCTL_UNUSABLE, when it
// cannot be started.
absl::StatusOr<LocalEnd> RunHere(const std::string& path, const std::vector<ProgramWord>& words,
                                 absl::Time deadline, const std::function<bool()>& gone,
                                 const TakeOutput& take);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_LOCAL_PROGRAM_H_
