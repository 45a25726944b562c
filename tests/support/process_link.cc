#include "tests/support/process_link.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "absl/time/clock.h"
#include "common/error.h"

extern char** environ;

namespace dmgr::testing {
namespace {

void ThrowIfError(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

std::array<int, 2> MakePipe() {
  std::array<int, 2> fds{};
  ThrowIfError(pipe2(fds.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe2");
  return fds;
}

int WaitMilliseconds(absl::Time deadline) {
  const absl::Duration left =
      std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Minutes(1));
  return static_cast<int>(absl::ToInt64Milliseconds(left));
}

absl::Status Await(int fd, short events, absl::Time deadline) {
  pollfd ready{fd, events, 0};
  const int count = poll(&ready, 1, WaitMilliseconds(deadline));
  if (count > 0) return absl::OkStatus();
  return absl::DeadlineExceededError("nothing moved in time");
}

}  // namespace

ProcessLink::ProcessLink(const std::vector<std::string>& args) {
  signal(SIGPIPE, SIG_IGN);
  const auto in = MakePipe();
  const auto out = MakePipe();
  const auto err = MakePipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
  fcntl(in_, F_SETFL, O_NONBLOCK);
  fcntl(err_, F_SETFL, O_NONBLOCK);
  if (error == 0) return;
  for (const int fd : {in_, out_, err_}) close(fd);
  ThrowIfError(error, args[0].c_str());
}

ProcessLink::~ProcessLink() {
  for (const int fd : {in_, out_, err_}) close(fd);
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::StatusOr<std::size_t> ProcessLink::Write(std::string_view data, absl::Time deadline) {
  while (true) {
    const ssize_t written = write(in_, data.data(), data.size());
    if (written > 0) return static_cast<std::size_t>(written);
    if (errno != EAGAIN && errno != EINTR) return absl::UnavailableError(ToAbsl(Diagnosis()));
    RETURN_IF_ERROR(Await(in_, POLLOUT, deadline));
  }
}

absl::StatusOr<std::size_t> ProcessLink::Read(char* buffer, std::size_t size, absl::Time deadline) {
  RETURN_IF_ERROR(Await(out_, POLLIN, deadline));
  const ssize_t got = read(out_, buffer, size);
  if (got < 0) return absl::UnavailableError("read failed");
  return static_cast<std::size_t>(got);
}

std::string ProcessLink::Diagnosis() {
  siginfo_t info = {};
  // Leaves it to be reaped with its process group.
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read(err_, text.data(), text.size()), 0)));
  return fmt::format("it ended with {} {}: {}",
                     info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status, text);
}

}  // namespace dmgr::testing
