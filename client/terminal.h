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
  // A person can answer.
  virtual bool Interactive() const = 0;
  // Columns and rows of a live terminal.
  virtual int Width() const { return 80; }
  virtual int Height() const { return 24; }
  // Whether its size is another one than at the last call.
  bool Resized();

  enum Colour { kRed = 31, kGreen = 32, kYellow = 33 };
  // The text in a colour, where a person who wants colours looks at err.
  std::string Paint(Colour colour, const std::string& text) const;
  // One line without echo, or from standard input when that is not a terminal.
  virtual absl::StatusOr<std::string> AskSecret(const std::string& prompt) = 0;
  // Yes or no; FAILED_PRECONDITION when nobody can be asked.
  virtual absl::StatusOr<bool> Confirm(const std::string& question) = 0;

 protected:
  void UseColour() { colour_ = true; }

 private:
  std::ostream* out_;
  std::ostream* err_;
  const bool live_;
  bool colour_ = false;
  int width_ = 0;
  int height_ = 0;
};

// The process's own terminal.
class ConsoleTerminal final : public Terminal {
 public:
  ConsoleTerminal();
  int Width() const override;
  int Height() const override;
  bool Interactive() const override;
  absl::StatusOr<std::string> AskSecret(const std::string& prompt) override;
  absl::StatusOr<bool> Confirm(const std::string& question) override;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TERMINAL_H_
