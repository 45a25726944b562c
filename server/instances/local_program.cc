#include "server/instances/local_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"
#include "common/steady_time.h"

namespace dmgr::instances {
namespace {

constexpr unsigned kNobody = 65534;
constexpr int kPollMs = 50;
constexpr int kNotStarted = 127;

absl::Status Unusable(const std::string& path, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "DMCTL_UNUSABLE",
               "{} cannot be run on dmgrd's machine: {}", path, why)
      .With("path", path)
      .Remedy("see what is there; it is a part of the cluster's package");
}

// A file in memory alone, closed for all but whoever is told to keep it.
absl::StatusOr<Fd> InMemory(const std::string& content) {
  Fd file(memfd_create("word", MFD_CLOEXEC));
  std::string_view left = content;
  while (file.ok() && !left.empty()) {
    const ssize_t written = write(file.get(), left.data(), left.size());
    if (written <= 0 && errno != EINTR) file.Close();
    if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
  }
  if (file.ok()) return file;
  return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "no memory for a file: {}",
               std::strerror(errno))
      .Remedy("try again later");
}

struct Pipe {
  Fd read;
  Fd write;
};

absl::StatusOr<Pipe> MakePipe() {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "no pipe: {}",
                 std::strerror(errno))
        .Remedy("try again later");
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// What the child needs, made before the fork.
struct Child {
  int program = -1;
  std::vector<char*> words;
  std::vector<int> kept;
  int in = -1;
  int out = -1;
  int err = -1;
};

// In the child, where the other threads and their locks are gone: system calls only.
[[noreturn]] void Become(const Child& child) {
  setpgid(0, 0);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const bool confined = chdir("/") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  const bool reduced = geteuid() != 0 || (syscall(SYS_setgroups, 0, nullptr) == 0 &&
                                          syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0 &&
                                          syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0);
  signal(SIGPIPE, SIG_DFL);
  if (confined && reduced && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(child.in, 0) == 0 &&
      dup2(child.out, 1) == 1 && dup2(child.err, 2) == 2) {
    for (const int fd : child.kept) fcntl(fd, F_SETFD, 0);
    char* const environment[] = {nullptr};
    fexecve(child.program, child.words.data(), environment);
  }
  _exit(kNotStarted);
}

// A child that runs; killed when it is left.
class Running {
 public:
  explicit Running(const Child& child) : pid_(fork()) {
    if (pid_ == 0) Become(child);
    if (pid_ > 0) setpgid(pid_, pid_);
  }
  ~Running() {
    if (pid_ <= 0 || ended_) return;
    Kill();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  bool ok() const { return pid_ > 0; }
  void Kill() const { kill(-pid_, SIGKILL); }
  // Whether it has ended by now.
  bool Look() {
    int status = 0;
    if (ended_ || waitpid(pid_, &status, WNOHANG) != pid_) return ended_;
    ended_ = true;
    // What it left in the background.
    Kill();
    exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }
  int exit_status() const { return exit_status_; }

 private:
  const pid_t pid_;
  bool ended_ = false;
  int exit_status_ = 0;
};

// Hands over what is there; false when nobody wants it.
bool Drain(const Fd& fd, bool is_error, const TakeOutput& take) {
  std::array<char, 16U << 10> buffer = {};
  while (true) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (!take(is_error, {buffer.data(), static_cast<std::size_t>(got)})) return false;
  }
}

}  // namespace

absl::StatusOr<LocalEnd> RunHere(const std::string& path, const std::vector<ProgramWord>& words,
                                 absl::Time deadline, const std::function<bool()>& gone,
                                 const TakeOutput& take) {
  const Fd program(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!program.ok()) return Unusable(path, std::strerror(errno));
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<Fd> files;
  std::vector<std::string> texts = {std::filesystem::path(path).filename().string()};
  Child child;
  for (const auto& word : words) {
    texts.push_back(word.text);
    if (!word.is_file) continue;
    ASSIGN_OR_RETURN(files.emplace_back(), InMemory(word.content));
    child.kept.push_back(files.back().get());
    texts.back() = "/proc/self/fd/" + std::to_string(files.back().get());
  }
  for (auto& text : texts) child.words.push_back(text.data());
  child.words.push_back(nullptr);
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  child.program = program.get();
  child.in = null.get();
  child.out = out.write.get();
  child.err = err.write.get();
  Running running(child);
  if (!running.ok()) return Unusable(path, std::strerror(errno));
  out.write.Close();
  err.write.Close();

  LocalEnd end;
  for (bool ended = false; !ended;) {
    pollfd fds[] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
    poll(fds, 2, kPollMs);
    if (gone()) return absl::CancelledError("the caller has gone");
    // Seen before the pipes are drained: all that it wrote is in them then.
    ended = running.Look();
    if (!Drain(out.read, false, take) || !Drain(err.read, true, take)) {
      return absl::CancelledError("the caller has gone");
    }
    if (ended || end.timed_out || SteadyNow() < deadline) continue;
    running.Kill();
    end.timed_out = true;
  }
  end.exit_status = running.exit_status();
  return end;
}

}  // namespace dmgr::instances
