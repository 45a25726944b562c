#ifndef DMGR_TESTS_SUPPORT_PTY_H_
#define DMGR_TESTS_SUPPORT_PTY_H_

#include <sys/types.h>

#include <chrono>
#include <string>

#include "tests/support/process.h"

namespace dmgr::testing {

/// A program that believes that a person looks at it: on a terminal of its own. One thread.
class Pty {
 public:
  Pty(const Command& command, int columns, int rows);
  ~Pty();
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;

  /// As typed; "\x03" is Ctrl-C.
  void Type(const std::string& text) const;
  void Resize(int columns, int rows) const;
  /// Whether what is typed is shown.
  bool Echoes() const;
  /// Waits until it has printed the text since the last success; false after `limit`.
  bool Expect(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(60));
  /// All that it printed so far.
  const std::string& Output() const { return output_; }
  /// Reads to its end. Exit code as in Result; throws std::runtime_error after `limit`.
  int Wait(std::chrono::seconds limit = std::chrono::seconds(60));

 private:
  /// Waits a little for output; false when there will be no more.
  bool Read();

  pid_t pid_ = -1;
  int fd_ = -1;
  std::string output_;
  std::size_t seen_ = 0;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_PTY_H_
