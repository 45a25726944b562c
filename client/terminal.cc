#include "client/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "common/error.h"

namespace dmgr::client {
namespace {

// Turns the echo of standard input off for as long as it lives.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    termios quiet = saved_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios saved_ = {};
  bool changed_ = false;
};

}  // namespace

ConsoleTerminal::ConsoleTerminal()
    : Terminal(&std::cout, &std::cerr, isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {}

int ConsoleTerminal::Width() const {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 80;
}

absl::StatusOr<std::string> ConsoleTerminal::AskSecret(const std::string& prompt) {
  const bool person = isatty(STDIN_FILENO) != 0;
  std::string line;
  bool read = false;
  {
    NoEcho quiet;
    if (person) err() << prompt << ": " << std::flush;
    read = static_cast<bool>(std::getline(std::cin, line));
  }
  if (person) err() << "\n";
  if (read && !line.empty()) return line;
  return Error(absl::StatusCode::kInvalidArgument, "NO_SECRET", "no answer to \"{}\"", prompt)
      .Remedy("type it, or send it on standard input");
}

absl::StatusOr<bool> ConsoleTerminal::Confirm(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_CONFIRMED",
                 "nobody is there to confirm: {}", question)
        .Remedy("pass --yes");
  }
  err() << question << " [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

}  // namespace dmgr::client
