#include "server/store/postgres_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"

namespace dmgr::store {
namespace {

// What the child was doing when it failed.
enum Stage : int { kUser, kDirectory, kLog, kExec };
struct ChildError {
  Stage stage;
  int error;
};

[[noreturn]] void Fail(int pipe_fd, Stage stage) {
  const ChildError report{stage, errno};
  [[maybe_unused]] const ssize_t written = write(pipe_fd, &report, sizeof(report));
  _exit(127);
}

// Between fork and exec of a process with threads: only async-signal-safe calls, no memory.
[[noreturn]] void RunChild(const OsUser& user, const char* directory, const char* log_path,
                           char* const* argv, char* const* envp, int pipe_fd) {
  for (int signal_number = 1; signal_number < 32; ++signal_number) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  umask(077);
  if (user.change && (setgroups(user.groups.size(), user.groups.data()) != 0 ||
                      setgid(user.gid) != 0 || setuid(user.uid) != 0)) {
    Fail(pipe_fd, kUser);
  }
  if (chdir(directory) != 0) Fail(pipe_fd, kDirectory);
  const int in = open("/dev/null", O_RDONLY);
  const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (in < 0 || log < 0) Fail(pipe_fd, kLog);
  if (dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) Fail(pipe_fd, kLog);
  // Closed by exec, so that the pipe still tells when exec fails.
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = 3; fd < 4096; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  execve(argv[0], argv, envp);
  Fail(pipe_fd, kExec);
}

absl::Status SpawnError(const Command& command, const OsUser& user, const ChildError& report) {
  const char* why = std::strerror(report.error);
  if (report.stage == kDirectory || report.stage == kLog) {
    return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_DIR_CLOSED",
                 "user {} cannot work in {}: {}", user.name, command.directory, why)
        .Remedy(fmt::format("let user {} enter every folder above it (chmod o+x), or choose "
                            "another data folder",
                            user.name));
  }
  return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_START_FAILED",
               "cannot start {} as user {}: {}", command.argv[0], user.name, why)
      .Remedy("install PostgreSQL's server: apt-get install postgresql");
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<OsUser> FindOsUser(const std::string& name) {
  OsUser user;
  const bool root = geteuid() == 0;
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (root) {
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  } else {
    getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  }
  if (found == nullptr || (root && entry.pw_uid == 0)) {
    return Error(absl::StatusCode::kFailedPrecondition, "EMBEDDED_USER_MISSING",
                 "there is no unprivileged user {} for the embedded PostgreSQL",
                 root ? name : std::to_string(geteuid()))
        .Remedy("install PostgreSQL's server, which makes it: apt-get install postgresql");
  }
  user.name = entry.pw_name;
  user.uid = entry.pw_uid;
  user.gid = entry.pw_gid;
  user.change = root;
  int count = 64;
  user.groups.resize(count);
  if (getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(count);
    getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count);
  }
  user.groups.resize(count);
  return user;
}

absl::StatusOr<pid_t> Spawn(const Command& command, const OsUser& user) {
  std::vector<std::string> args = command.argv;
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C",
                                          "HOME=" + command.directory};
  const std::vector<char*> argv = Pointers(args);
  const std::vector<char*> envp = Pointers(environment);
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return Error(absl::StatusCode::kResourceExhausted, "EMBEDDED_OUT_OF_FILES",
                 "cannot make a pipe: {}", std::strerror(errno))
        .Remedy("raise the limit of open files (LimitNOFILE)");
  }
  const pid_t pid = fork();
  if (pid == 0) {
    RunChild(user, command.directory.c_str(), command.log_path.c_str(), argv.data(), envp.data(),
             fds[1]);
  }
  const int fork_error = errno;
  close(fds[1]);
  if (pid < 0) {
    close(fds[0]);
    return Error(absl::StatusCode::kResourceExhausted, "EMBEDDED_OUT_OF_FILES",
                 "cannot start a process: {}", std::strerror(fork_error))
        .Remedy("raise the limit of processes (TasksMax), or free memory");
  }
  ChildError report{};
  ssize_t size = 0;
  do {
    size = read(fds[0], &report, sizeof(report));
  } while (size < 0 && errno == EINTR);
  close(fds[0]);
  if (size != sizeof(report)) return pid;  // The pipe was closed by exec.
  waitpid(pid, nullptr, 0);
  return SpawnError(command, user, report);
}

bool WorksIn(pid_t pid, const std::string& directory) {
  struct stat wanted {};
  struct stat found {};
  return stat(directory.c_str(), &wanted) == 0 &&
         stat(fmt::format("/proc/{}/cwd", pid).c_str(), &found) == 0 &&
         wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

std::vector<pid_t> ProcessesIn(const std::string& directory) {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() &&
        WorksIn(pid, directory)) {
      pids.push_back(pid);
    }
  }
  return pids;
}

std::string LogTail(const std::string& path) {
  constexpr std::size_t kBytes = 1000;
  return ReadTail(path, kBytes).value_or(std::string());
}

}  // namespace dmgr::store
