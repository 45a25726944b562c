#include "server/host/far/base/programs.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
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
constexpr milliseconds kOutputPoll{50};
constexpr milliseconds kExitTick{2};
constexpr int kNotExecutable = 126;
constexpr int kExecFailed = 127;

const std::vector<std::string>& UsualEnvironment() {
  static const std::vector<std::string> kEnvironment = {
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"};
  return kEnvironment;
}

// systemd's programs speak to the login's own instance where there is no root.
std::vector<std::string> WordsFor(const Login* login, std::vector<std::string> argv) {
  if (login != nullptr && (argv[0] == "systemctl" || argv[0] == "journalctl")) {
    argv.insert(argv.begin() + 1, "--user");
  }
  return argv;
}

std::vector<std::string> EnvironmentFor(const Login* login) {
  std::vector<std::string> environment = UsualEnvironment();
  if (login == nullptr) return environment;
  environment.push_back("HOME=" + login->home);
  // Where pam_systemd is none of sshd's, the login is not told of it.
  environment.push_back("XDG_RUNTIME_DIR=" + RuntimeDir(*login));
  return environment;
}

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

// What the child needs, made before the fork.
struct ProgramStart {
  const char* program = nullptr;
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory = nullptr;
  const RunAs* run_as = nullptr;
  // With whom it dies; 0: nobody.
  pid_t parent = 0;
  int in = -1;
  int out = -1;
  int err = -1;
};

// The pointers are good as long as the words.
std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// In the child: only calls that are safe after a fork of a program with threads.
[[noreturn]] void Exec(const ProgramStart& start) {
  setpgid(0, 0);
  const RunAs* user = start.run_as;
  if (user != nullptr && geteuid() == 0 &&
      (setgroups(user->groups.size(), user->groups.data()) != 0 || setgid(user->group) != 0 ||
       setuid(user->user) != 0)) {
    _exit(kExecFailed);
  }
  // After the change of user, which would forget it.
  if (start.parent != 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (start.parent != 0 && getppid() != start.parent) _exit(kExecFailed);
  signal(SIGPIPE, SIG_DFL);
  dup2(start.in, 0);
  dup2(start.out, 1);
  dup2(start.err, 2);
  if (chdir(start.directory) == 0 || chdir("/") == 0) {
    execve(start.program, start.argv.data(), start.environment.data());
  }
  // As a shell has it.
  _exit(errno == EACCES || errno == ENOEXEC ? kNotExecutable : kExecFailed);
}

void AppendTail(std::size_t limit, std::string_view data, std::string* text) {
  text->append(data);
  if (text->size() > 2 * limit) text->erase(0, text->size() - limit);
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
  return name == "useradd" || name == "groupadd" || name == "usermod" || name == "userdel" ||
         name == "groupdel";
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

class Programs::Running {
 public:
  Running(Programs* programs, const std::vector<std::string>& argv, const ProgramOptions& options);
  ~Running() {
    if (!ended_) Stop();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  bool to_be_done() const { return to_be_done_; }
  bool ended() const { return ended_; }
  int exit_status() const { return exit_status_; }
  void Kill() {
    const std::lock_guard<std::mutex> lock(programs_->mutex_);
    programs_->Kill();
  }
  // Sees whether it has ended, then hands over what there is, and what there is room for.
  void Look(const Listener& listener);
  // Waits for output that there is room for.
  void Wait(bool room, milliseconds time);

 private:
  struct Stream {
    int number = 0;
    Fd fd;
  };

  // Kills it, and takes its number out of use.
  void Stop();
  // Hands over what is there; false: at its end.
  static bool Drain(const Stream& stream, const Listener& listener);

  Programs* const programs_;
  bool to_be_done_ = false;
  pid_t pid_ = 0;
  bool ended_ = false;
  int exit_status_ = 0;
  std::vector<Stream> streams_;
};

Programs::Running::Running(Programs* programs, const std::vector<std::string>& argv,
                           const ProgramOptions& options)
    : programs_(programs) {
  const std::string program = options.path.empty() ? programs->Find(argv.at(0)) : options.path;
  if (program.empty()) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND, "the host has no program " + argv[0], argv[0]);
  }
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  to_be_done_ = options.path.empty() && IsAccountProgram(argv[0]);
  ProgramStart start;
  start.program = program.c_str();
  const std::vector<std::string> words =
      options.path.empty() ? WordsFor(programs->tree_->login(), argv) : argv;
  const std::vector<std::string> environment =
      options.environment.empty() ? EnvironmentFor(programs->tree_->login()) : options.environment;
  start.argv = Pointers(words);
  start.environment = Pointers(environment);
  start.directory = options.directory.c_str();
  start.run_as = options.run_as.has_value() ? &*options.run_as : nullptr;
  start.parent = to_be_done_ ? 0 : getpid();
  start.in = null.get();
  start.out = out.write.get();
  start.err = err.write.get();
  streams_.push_back({1, std::move(out.read)});
  streams_.push_back({2, std::move(err.read)});
  const std::lock_guard<std::mutex> lock(programs->mutex_);
  programs->to_be_done_ = to_be_done_;
  pid_ = fork();
  if (pid_ == 0) Exec(start);
  if (pid_ < 0) throw SystemFailure("cannot start", argv[0], errno);
  setpgid(pid_, pid_);
  programs->running_ = pid_;
}

void Programs::Running::Stop() {
  Kill();
  for (bool reaped = false; !reaped;) {
    programs_->Reap(pid_, &reaped);
    if (!reaped) poll(nullptr, 0, static_cast<int>(kExitTick.count()));
  }
}

bool Programs::Running::Drain(const Stream& stream, const Listener& listener) {
  char buffer[16U << 10];
  while (true) {
    const std::size_t room = listener.room ? listener.room() : sizeof(buffer);
    if (room == 0) return true;
    const ssize_t got = read(stream.fd.get(), buffer, std::min(room, sizeof(buffer)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    listener.take(stream.number, {buffer, static_cast<std::size_t>(got)});
  }
}

void Programs::Running::Look(const Listener& listener) {
  // Reaped before the pipes are drained: all that it wrote is in them then.
  if (!ended_) exit_status_ = programs_->Reap(pid_, &ended_);
  for (auto& stream : streams_) {
    if (!ended_ || !listener.room) {
      if (stream.fd.ok() && !Drain(stream, listener)) stream.fd = Fd();
      continue;
    }
    // What is there now, however long it takes: who has left its process group may go on writing.
    int left = 0;
    if (ioctl(stream.fd.get(), FIONREAD, &left) != 0) continue;
    std::string rest(static_cast<std::size_t>(left), '\0');
    const ssize_t got = read(stream.fd.get(), rest.data(), rest.size());
    if (got > 0) listener.take(stream.number, {rest.data(), static_cast<std::size_t>(got)});
  }
}

void Programs::Running::Wait(bool room, milliseconds time) {
  pollfd fds[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
  bool any = false;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (room) fds[i].fd = streams_[i].fd.get();
    any = any || streams_[i].fd.ok();
  }
  poll(fds, 2, static_cast<int>((any ? time : kExitTick).count()));
}

ProgramEnd Programs::Follow(const Call& call, const std::vector<std::string>& argv,
                            const ProgramOptions& options, const Listener& listener) {
  ProgramEnd end;
  Running program(this, argv, options);
  const auto deadline = Clock::now() + options.timeout;
  const milliseconds pause =
      listener.tick ? std::min(listener.tick_every, kOutputPoll) : kOutputPoll;
  auto last_tick = Clock::now();
  for (bool killed = false; !program.ended();) {
    program.Wait(!listener.room || listener.room() > 0, pause);
    program.Look(listener);
    const bool late = Clock::now() >= deadline;
    if (!killed && !program.ended() && (late || (call.Cancelled() && !program.to_be_done()))) {
      program.Kill();
      killed = true;
      end.timed_out = late;
    }
    if (!listener.tick || Clock::now() - last_tick < listener.tick_every) continue;
    last_tick = Clock::now();
    listener.tick();
  }
  call.CheckCancelled();
  end.exit_status = program.exit_status();
  return end;
}

ProgramResult Programs::Run(const Call& call, const std::vector<std::string>& argv,
                            const ProgramOptions& options) {
  ProgramResult result;
  const std::size_t limit = options.output_limit;
  const ProgramEnd end =
      Follow(call, argv, options, {.take = [&](int output, std::string_view data) {
               AppendTail(limit, data, output == 1 ? &result.out : &result.err);
             }});
  Shorten(limit, &result.out);
  Shorten(limit, &result.err);
  result.exit_status = end.exit_status;
  if (end.timed_out) {
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
