#ifndef DMGR_TESTS_SUPPORT_PROCESS_H_
#define DMGR_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dmgr::testing {

/// A program to run. Its signal mask is empty, whatever the one of the test is.
struct Command {
  std::vector<std::string> args;             ///< The first one is the program's path.
  std::map<std::string, std::string> env{};  ///< On top of this process's environment.
  std::filesystem::path directory{};         ///< Working directory; empty: this process's.
  std::string input{};                       ///< Its standard input.
};

struct Result {
  int exit_code = -1;  ///< 128 and the signal's number when a signal ended it.
  std::string out;
  std::string err;
};

/// Runs a program to its end. Throws std::runtime_error when it cannot be started, or has not ended
/// after `limit` (it is killed then).
Result Run(const Command& command, std::chrono::seconds limit = std::chrono::minutes(10));

/// A program in the background, killed when the object goes. One thread.
class Child {
 public:
  /// Its standard output and error are appended to the file `output`.
  Child(const Command& command, const std::filesystem::path& output);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const;
  /// Its exit code as in Result; nullopt while it runs.
  std::optional<int> Poll();
  /// The same, waited for; throws std::runtime_error when it still runs after `limit`.
  int Wait(std::chrono::seconds limit);

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// Cleans up after this process, whatever ends it: runs a program in a session of its own, whose
/// standard input reaches its end when this object or this process goes.
class Guard {
 public:
  explicit Guard(const std::vector<std::string>& args);
  /// Waits for the program.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_PROCESS_H_
