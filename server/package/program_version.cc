#include "server/package/program_version.h"

#include <fcntl.h>
#include <poll.h>
#include <re2/re2.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "common/files.h"

namespace dmgr::package {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit(5);
constexpr std::size_t kMaxOutput = 16U << 10;
constexpr unsigned kNobody = 65534;
// Go reserves far more than it uses.
constexpr rlim_t kMaxMemory = rlim_t{4} << 30;
// Threads count, and so do nobody's other processes.
constexpr rlim_t kMaxProcesses = 512;

void Limit(int resource, rlim_t value) {
  const rlimit limit = {value, value};
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

// In the child, where the other threads and their locks are gone: system calls only. Root's rights
// go after all that needs them.
bool Confine() {
  setpgid(0, 0);
  Limit(RLIMIT_CORE, 0);
  Limit(RLIMIT_CPU, 5);
  Limit(RLIMIT_FSIZE, 0);
  Limit(RLIMIT_AS, kMaxMemory);
  Limit(RLIMIT_NPROC, kMaxProcesses);
  // A container may forbid it; the rest still holds.
  unshare(CLONE_NEWNET);
  return chdir("/") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && syscall(SYS_setgroups, 0, nullptr) == 0 &&
         syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0 &&
         syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0;
}

// dmgrd's descriptors close themselves. The program is executed by its descriptor, since its folder
// is not for nobody to enter.
[[noreturn]] void RunChild(int program, const char* flag, int null, int output) {
  char name[] = "program";
  char* const arguments[] = {name, const_cast<char*>(flag), nullptr};
  char* const environment[] = {nullptr};
  if (dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 && Confine()) {
    fexecve(program, arguments, environment);
  }
  _exit(127);
}

std::string ReadUntil(int fd, Clock::time_point end) {
  std::string output;
  while (output.size() < kMaxOutput) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd ready = {fd, POLLIN, 0};
    if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) break;
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got <= 0) break;
    output.append(buffer, static_cast<std::size_t>(got));
  }
  return output;
}

}  // namespace

std::string VersionIn(const std::string& output) {
  static const re2::RE2 kVersion(R"([Vv]ersion:?\s+(v?[0-9][0-9A-Za-z.+~_-]{0,63}))",
                                 re2::RE2::Latin1);
  std::string version;
  re2::RE2::PartialMatch(output, kVersion, &version);
  return version;
}

std::string ProgramVersion(const std::string& path, const std::string& flag) {
  if (geteuid() != 0) return "";
  const Fd program(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  int ends[2];
  if (program.get() < 0 || null.get() < 0 || pipe2(ends, O_CLOEXEC) != 0) return "";
  const Fd out(ends[0]);
  Fd in(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return "";
  if (pid == 0) RunChild(program.get(), flag.c_str(), null.get(), in.get());
  in.Close();
  const std::string output = ReadUntil(out.get(), Clock::now() + kLimit);
  // Whatever it has started goes as well; not yet reaped, its number is still its own.
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return VersionIn(output);
}

}  // namespace dmgr::package
