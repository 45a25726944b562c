#include "client/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "common/error.h"

namespace dmgr::client {
namespace {

// What a signal must put back before it ends the process.
termios saved_terminal = {};

void RestoreAndEnd(int number) {
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
  signal(number, SIG_DFL);
  raise(number);
}

// Turns the echo of standard input off for as long as it lives, or until Ctrl-C.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &saved_terminal) != 0) return;
    termios quiet = saved_terminal;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      handlers_[i] = signal(kSignals[i], RestoreAndEnd);
    }
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (!changed_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
    for (std::size_t i = 0; i < kSignals.size(); ++i) signal(kSignals[i], handlers_[i]);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<sighandler_t, kSignals.size()> handlers_ = {};
  bool changed_ = false;
};

// A terminal that can go back up.
bool CanRedraw() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 &&
         (term == nullptr || std::string_view(term) != "dumb");
}

// no-color.org: set to anything but nothing.
bool WantsColour() {
  const char* refused = std::getenv("NO_COLOR");
  return refused == nullptr || *refused == '\0';
}

winsize Size() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

}  // namespace

bool Terminal::Resized() {
  const bool resized = Width() != width_ || Height() != height_;
  width_ = Width();
  height_ = Height();
  return resized;
}

std::string Terminal::Paint(Colour colour, const std::string& text) const {
  if (!colour_) return text;
  return "\x1b[" + std::to_string(static_cast<int>(colour)) + "m" + text + "\x1b[0m";
}

ConsoleTerminal::ConsoleTerminal() : Terminal(&std::cout, &std::cerr, CanRedraw()) {
  if (live() && WantsColour()) UseColour();
}

int ConsoleTerminal::Width() const {
  const winsize size = Size();
  return size.ws_col >= 20 ? size.ws_col : 80;
}

int ConsoleTerminal::Height() const {
  const winsize size = Size();
  return size.ws_row >= 3 ? size.ws_row : 24;
}

bool ConsoleTerminal::Interactive() const { return isatty(STDIN_FILENO) != 0; }

absl::StatusOr<std::string> ConsoleTerminal::AskSecret(const std::string& prompt) {
  const bool person = Interactive();
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
  if (!Interactive()) {
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
