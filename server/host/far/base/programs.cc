#include "server/host/far/base/programs.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {
namespace {

constexpr const char* kPath[] = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
constexpr int kPollMs = 50;
constexpr milliseconds kExitTick{2};
constexpr int kExecFailed = 127;

struct Pipe {
  Fd read;
  Fd write;
};

Pipe MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw SystemFailure("cannot make", "a pipe", errno);
  Pipe made{Fd(ends[0]), Fd(ends[1])};
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return made;
}

// In the child: only calls that are safe after a fork of a program with threads.
// parent: with whom it dies; 0: nobody.
[[noreturn]] void Exec(const char* program, char* const* argv, pid_t parent,
                       const std::optional<RunAs>& run_as, int in, int out, int err) {
  static const char* const kEnvironment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                                             "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", nullptr};
  setpgid(0, 0);
  if (run_as.has_value() && geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setgid(run_as->group) != 0 || setuid(run_as->user) != 0)) {
    _exit(kExecFailed);
  }
  // After the change of user, which would forget it.
  if (parent != 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (parent != 0 && getppid() != parent) _exit(kExecFailed);
  signal(SIGPIPE, SIG_DFL);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  if (chdir("/") == 0) execve(program, argv, const_cast<char* const*>(kEnvironment));
  _exit(kExecFailed);
}

// Takes what is there; false at the end.
bool Drain(const Fd& fd, std::size_t limit, std::string* text) {
  char buffer[16U << 10];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    text->append(buffer, static_cast<std::size_t>(got));
    if (text->size() > 2 * limit) text->erase(0, text->size() - limit);
  }
}

void Shorten(std::size_t limit, std::string* text) {
  if (text->size() > limit) text->erase(0, text->size() - limit);
}

std::string Join(const std::vector<std::string>& argv) {
  std::string line;
  for (const auto& word : argv) {
    if (!line.empty()) line += ' ';
    line += word;
    if (line.size() > 200) return line.substr(0, 200) + "...";
  }
  return line;
}

}  // namespace

std::string Programs::Find(const std::string& program) const {
  for (const char* dir : kPath) {
    std::string path = tree_->Real(dir + program);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

bool IsAccountProgram(const std::string& name) {
  return name == "useradd" || name == "groupadd" || name == "usermod" || name == "userdel" || name == "groupdel";
}

void Programs::KillRunning() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!to_be_done_) Kill();
}

void Programs::Kill() {
  if (running_ > 0) kill(-running_, SIGKILL);
}

int Programs::Reap(pid_t pid, bool* reaped) {
  const std::lock_guard<std::mutex> lock(mutex_);
  int status = 0;
  *reaped = waitpid(pid, &status, WNOHANG) == pid;
  if (!*reaped) return 0;
  // What it left in the background.
  kill(-pid, SIGKILL);
  running_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ProgramResult Programs::Run(const Call& call, const std::vector<std::string>& argv,
                            const ProgramOptions& options) {
  const std::string program = options.path.empty() ? Find(argv.at(0)) : options.path;
  if (program.empty()) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND, "the host has no program " + argv[0], argv[0]);
  }
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const bool to_be_done = options.path.empty() && IsAccountProgram(argv[0]);
  const pid_t parent = to_be_done ? 0 : getpid();
  pid_t pid = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    to_be_done_ = to_be_done;
    pid = fork();
    if (pid == 0) {
      Exec(program.c_str(), words.data(), parent, options.run_as, null.get(), out.write.get(),
           err.write.get());
    }
    if (pid < 0) throw SystemFailure("cannot start", argv[0], errno);
    setpgid(pid, pid);
    running_ = pid;
  }
  out.write = Fd();
  err.write = Fd();

  ProgramResult result;
  const auto deadline = Clock::now() + options.timeout;
  bool out_open = true;
  bool err_open = true;
  bool killed = false;
  for (bool ended = false; !ended;) {
    pollfd fds[] = {{out_open ? out.read.get() : -1, POLLIN, 0},
                    {err_open ? err.read.get() : -1, POLLIN, 0}};
    const bool any_open = out_open || err_open;
    poll(fds, 2, any_open ? kPollMs : static_cast<int>(kExitTick.count()));
    // Reaped before the pipes are drained: all that it wrote is in them then.
    result.exit_status = Reap(pid, &ended);
    out_open = out_open && Drain(out.read, options.output_limit, &result.out);
    err_open = err_open && Drain(err.read, options.output_limit, &result.err);
    const bool late = Clock::now() >= deadline;
    if (!killed && !ended && (late || (call.Cancelled() && !to_be_done))) {
      const std::lock_guard<std::mutex> lock(mutex_);
      Kill();
      killed = true;
    }
  }
  Shorten(options.output_limit, &result.out);
  Shorten(options.output_limit, &result.err);
  call.CheckCancelled();
  if (killed) {
    Failed failed(hv1::Failure::KIND_DEADLINE, Join(argv) + " did not end in time");
    failed.WithProgram(argv[0], result.exit_status);
    failed.WithOutput(result.err);
    throw failed;
  }
  return result;
}

std::string Programs::RunChecked(const Call& call, const std::vector<std::string>& argv,
                                 const ProgramOptions& options) {
  ProgramResult result = Run(call, argv, options);
  if (result.exit_status == 0) return std::move(result.out);
  Failed failed(hv1::Failure::KIND_PROGRAM,
                Join(argv) + " failed with exit status " + std::to_string(result.exit_status));
  failed.WithProgram(argv[0], result.exit_status);
  failed.WithOutput(result.err.empty() ? result.out : result.err);
  throw failed;
}

}  // namespace dmgr::far
