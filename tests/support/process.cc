#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

extern char** environ;

namespace dmgr::testing {
namespace {

using Clock = std::chrono::steady_clock;

void ThrowIfError(int error, const std::string& what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  void Reset(int fd) { Close(), fd_ = fd; }
  int Release() { return std::exchange(fd_, -1); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    ThrowIfError(::pipe2(fds.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe2");
    read_end.Reset(fds[0]);
    write_end.Reset(fds[1]);
  }
  Fd read_end, write_end;
};

struct Actions {
  Actions() { ThrowIfError(posix_spawn_file_actions_init(&raw), "file actions"); }
  ~Actions() { posix_spawn_file_actions_destroy(&raw); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;

  void Dup(int fd, int to) { ThrowIfError(posix_spawn_file_actions_adddup2(&raw, fd, to), "dup"); }
  void Open(int fd, const std::string& path, int flags) {
    ThrowIfError(posix_spawn_file_actions_addopen(&raw, fd, path.c_str(), flags, 0644), path);
  }
  void Enter(const std::filesystem::path& directory) {
    if (directory.empty()) return;
    ThrowIfError(posix_spawn_file_actions_addchdir_np(&raw, directory.c_str()), directory.string());
  }

  posix_spawn_file_actions_t raw{};
};

struct Attributes {
  explicit Attributes(short flags) {
    ThrowIfError(posix_spawnattr_init(&raw), "spawn attributes");
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&raw, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&raw, &signals);
    flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(&raw, flags);
  }
  ~Attributes() { posix_spawnattr_destroy(&raw); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  posix_spawnattr_t raw{};
};

std::vector<std::string> Environment(const std::map<std::string, std::string>& more) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (more.count(text.substr(0, text.find('='))) == 0) variables.push_back(text);
  }
  for (const auto& [name, value] : more) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings->size() + 1);
  for (std::string& text : *strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Spawn(const Command& command, const Actions& actions, short flags) {
  std::vector<std::string> args = command.args;
  std::vector<std::string> environment = Environment(command.env);
  const Attributes attributes(flags);
  pid_t pid = -1;
  ThrowIfError(::posix_spawn(&pid, args.at(0).c_str(), &actions.raw, &attributes.raw,
                             Pointers(&args).data(), Pointers(&environment).data()),
               args.at(0));
  return pid;
}

/// A file in memory, which needs no reader to be written.
void MakeInput(const std::string& text, Fd* fd) {
  fd->Reset(::memfd_create("input", MFD_CLOEXEC));
  const auto size = static_cast<ssize_t>(text.size());
  const bool written = fd->get() >= 0 && ::write(fd->get(), text.data(), text.size()) == size &&
                       ::lseek(fd->get(), 0, SEEK_SET) == 0;
  ThrowIfError(written ? 0 : errno, "memfd_create");
}

/// Appends what is there to read; false at the end of the file.
bool ReadSome(int fd, std::string* text) {
  std::array<char, 4096> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  text->append(buffer.data(), static_cast<std::size_t>(size));
  return size > 0;
}

/// Reads both to their ends; false when the time is over.
bool ReadBoth(int out_fd, int err_fd, Clock::time_point deadline, Result* result) {
  std::array<pollfd, 2> fds{pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
  const std::array<std::string*, 2> texts{&result->out, &result->err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) ThrowIfError(errno, "poll");
    for (std::size_t i = 0; ready > 0 && i < fds.size(); ++i) {
      // poll skips a negative descriptor.
      if (fds[i].revents != 0 && !ReadSome(fds[i].fd, texts[i])) fds[i].fd = -1;
    }
  }
  return true;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) ThrowIfError(errno, "waitpid");
  }
  return ExitCode(status);
}

}  // namespace

Result Run(const Command& command, std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  Fd input;
  Pipe out, err;
  MakeInput(command.input, &input);
  Actions actions;
  actions.Enter(command.directory);
  actions.Dup(input.get(), STDIN_FILENO);
  actions.Dup(out.write_end.get(), STDOUT_FILENO);
  actions.Dup(err.write_end.get(), STDERR_FILENO);
  const pid_t pid = Spawn(command, actions, 0);
  out.write_end.Close();
  err.write_end.Close();
  Result result;
  const bool ended = ReadBoth(out.read_end.get(), err.read_end.get(), deadline, &result);
  if (!ended) ::kill(pid, SIGKILL);
  result.exit_code = WaitFor(pid);
  if (!ended) {
    throw std::runtime_error(command.args[0] + " has not ended in time; it wrote: " + result.out +
                             result.err);
  }
  return result;
}

Child::Child(const Command& command, const std::filesystem::path& output) {
  Fd input;
  MakeInput(command.input, &input);
  Actions actions;
  actions.Enter(command.directory);
  actions.Dup(input.get(), STDIN_FILENO);
  actions.Open(STDOUT_FILENO, output.string(), O_WRONLY | O_CREAT | O_APPEND);
  actions.Dup(STDOUT_FILENO, STDERR_FILENO);
  pid_ = Spawn(command, actions, 0);
}

Child::~Child() {
  if (exit_code_.has_value()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::Signal(int number) const {
  if (!exit_code_.has_value()) ::kill(pid_, number);
}

std::optional<int> Child::Poll() {
  int status = 0;
  if (!exit_code_.has_value() && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_code_ = ExitCode(status);
  }
  return exit_code_;
}

int Child::Wait(std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  while (!Poll().has_value()) {
    if (Clock::now() > deadline) {
      throw std::runtime_error("process " + std::to_string(pid_) + " still runs after " +
                               std::to_string(limit.count()) + " s");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return *exit_code_;
}

Guard::Guard(const std::vector<std::string>& args) {
  Pipe pipe;
  Actions actions;
  actions.Dup(pipe.read_end.get(), STDIN_FILENO);
  actions.Open(STDOUT_FILENO, "/dev/null", O_WRONLY);
  actions.Open(STDERR_FILENO, "/dev/null", O_WRONLY);
  // Ctrl-C at the test, or the end of its process group, must not end the guard.
  pid_ = Spawn({.args = args}, actions, POSIX_SPAWN_SETSID);
  pipe_ = pipe.write_end.Release();
}

Guard::~Guard() {
  ::close(pipe_);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace dmgr::testing
