// What a command may print to and ask from.
#ifndef DMGR_CLIENT_TERMINAL_H_
#define DMGR_CLIENT_TERMINAL_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::client {

// Commands touch no global stream, so that tests can look at what they print.
class Terminal {
 public:
  // out: results; err: messages, prompts, progress of a live view.
  Terminal(std::ostream* out, std::ostream* err, bool live) : out_(out), err_(err), live_(live) {}
  virtual ~Terminal() = default;

  std::ostream& out() { return *out_; }
  std::ostream& err() { return *err_; }
  // A person looks at err: it can be redrawn.
  bool live() const { return live_; }
  // Columns of a live terminal.
  virtual int Width() const { return 80; }
  // One line without echo, or from standard input when that is not a terminal.
  virtual absl::StatusOr<std::string> AskSecret(const std::string& prompt) = 0;
  // Yes or no; FAILED_PRECONDITION when nobody can be asked.
  virtual absl::StatusOr<bool> Confirm(const std::string& question) = 0;

 private:
  std::ostream* out_;
  std::ostream* err_;
  const bool live_;
};

// The process's own terminal.
class ConsoleTerminal final : public Terminal {
 public:
  ConsoleTerminal();
  int Width() const override;
  absl::StatusOr<std::string> AskSecret(const std::string& prompt) override;
  absl::StatusOr<bool> Confirm(const std::string& question) override;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TERMINAL_H_
