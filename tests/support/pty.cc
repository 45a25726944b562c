#include "tests/support/pty.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace dmgr::testing {
namespace {

using PtyClock = std::chrono::steady_clock;

winsize SizeOf(int columns, int rows) {
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  return size;
}

[[noreturn]] void Become(const Command& command) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const auto& [name, value] : command.env) setenv(name.c_str(), value.c_str(), 1);
  if (!command.directory.empty() && chdir(command.directory.c_str()) != 0) _exit(126);
  std::vector<char*> arguments;
  for (const auto& word : command.args) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Pty::Pty(const Command& command, int columns, int rows) {
  winsize size = SizeOf(columns, rows);
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("forkpty");
  if (pid_ == 0) Become(command);
}

Pty::~Pty() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (fd_ >= 0) ::close(fd_);
}

void Pty::Type(const std::string& text) const {
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the terminal takes no more");
  }
}

void Pty::Resize(int columns, int rows) const {
  const winsize size = SizeOf(columns, rows);
  ::ioctl(fd_, TIOCSWINSZ, &size);
}

bool Pty::Echoes() const {
  termios settings = {};
  ::tcgetattr(fd_, &settings);
  return (settings.c_lflag & ECHO) != 0;
}

bool Pty::Read() {
  pollfd ready = {.fd = fd_, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 50) == 0) return true;
  char buffer[4096];
  // Once nobody has the other side any more this is an error.
  const ssize_t size = ::read(fd_, buffer, sizeof(buffer));
  if (size <= 0) return false;
  output_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

bool Pty::Expect(const std::string& text, std::chrono::seconds limit) {
  const auto deadline = PtyClock::now() + limit;
  bool more = true;
  while (true) {
    const auto at = output_.find(text, seen_);
    if (at != std::string::npos) {
      seen_ = at + text.size();
      return true;
    }
    if (!more || PtyClock::now() > deadline) return false;
    more = Read();
  }
}

int Pty::Wait(std::chrono::seconds limit) {
  const auto deadline = PtyClock::now() + limit;
  while (Read()) {
    if (PtyClock::now() > deadline) throw std::runtime_error("it has not ended: " + output_);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace dmgr::testing
