#include "tests/support/lab.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

extern char** environ;

namespace dmgr::testing {
namespace {

constexpr char kScript[] = DMGR_SOURCE_DIR "/tests/lab/lab.sh";

void ThrowIfError(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

class Pipe {
 public:
  Pipe() { ThrowIfError(::pipe2(fds_.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe2"); }
  ~Pipe() { Close(0), Close(1); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return fds_[0]; }
  int write_end() const { return fds_[1]; }
  int ReleaseWriteEnd() { return std::exchange(fds_[1], -1); }
  void Close(int end) {
    if (fds_[end] >= 0) ::close(std::exchange(fds_[end], -1));
  }

 private:
  std::array<int, 2> fds_{-1, -1};
};

struct Actions {
  Actions() { ThrowIfError(posix_spawn_file_actions_init(&raw), "file actions"); }
  ~Actions() { posix_spawn_file_actions_destroy(&raw); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;

  void Dup(int fd, int to) { ThrowIfError(posix_spawn_file_actions_adddup2(&raw, fd, to), "dup"); }
  void Null(int fd, int mode) {
    ThrowIfError(posix_spawn_file_actions_addopen(&raw, fd, "/dev/null", mode, 0), "open");
  }

  posix_spawn_file_actions_t raw{};
};

pid_t Spawn(std::vector<std::string> args, const Actions& actions, short flags) {
  std::vector<char*> argv;
  argv.reserve(args.size() + 1);
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  ThrowIfError(posix_spawnattr_init(&attributes), "spawn attributes");
  // What the program under test blocks or ignores is not for the hosts to inherit.
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  posix_spawnattr_setflags(&attributes, flags);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, kScript, &actions.raw, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  return ThrowIfError(error, kScript), pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) ThrowIfError(errno, "waitpid");
  }
  return status;
}

/// Appends what is there to read; false at the end of the file.
bool ReadSome(int fd, std::string* text) {
  std::array<char, 4096> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  text->append(buffer.data(), static_cast<std::size_t>(size));
  return size > 0;
}

void ReadBoth(int out_fd, int err_fd, std::string* out, std::string* err) {
  std::array<pollfd, 2> fds{pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
  const std::array<std::string*, 2> texts{out, err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) ThrowIfError(errno, "poll");
    for (std::size_t i = 0; i < fds.size(); ++i) {
      // poll skips a negative descriptor.
      if (fds[i].revents != 0 && !ReadSome(fds[i].fd, texts[i])) fds[i].fd = -1;
    }
  }
}

std::string WithoutNewline(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Lab::Lab(std::string name, int hosts) : name_(std::move(name)) {
  StartGuard();
  try {
    Up(hosts);
  } catch (...) {
    EndGuard();
    throw;
  }
}

Lab::~Lab() {
  try {
    Down();
  } catch (const std::exception& error) {
    // The guard tries again.
    std::fprintf(stderr, "lab %s: %s\n", name_.c_str(), error.what());
  }
  EndGuard();
}

Lab& Lab::Shared(int hosts) {
  static std::mutex mutex;
  static std::unique_ptr<Lab> lab;
  const std::lock_guard lock(mutex);
  if (lab) lab->Up(hosts);
  if (!lab) lab = std::make_unique<Lab>("p" + std::to_string(::getpid()), hosts);
  return *lab;
}

void Lab::StartGuard() {
  Pipe pipe;
  Actions actions;
  actions.Dup(pipe.read_end(), STDIN_FILENO);
  actions.Null(STDOUT_FILENO, O_WRONLY);
  actions.Null(STDERR_FILENO, O_WRONLY);
  // A session of its own: Ctrl-C at the test must not end the guard.
  guard_ = Spawn({kScript, "guard", "--lab", name_}, actions, POSIX_SPAWN_SETSID);
  guard_pipe_ = pipe.ReleaseWriteEnd();
}

void Lab::EndGuard() {
  if (guard_ < 0) return;
  ::close(guard_pipe_);
  ::waitpid(std::exchange(guard_, -1), nullptr, 0);
}

std::string Lab::Run(std::vector<std::string> args) const {
  args.insert(args.begin(), {kScript, "--lab", name_});
  Pipe out, err;
  Actions actions;
  actions.Null(STDIN_FILENO, O_RDONLY);
  actions.Dup(out.write_end(), STDOUT_FILENO);
  actions.Dup(err.write_end(), STDERR_FILENO);
  const pid_t pid = Spawn(args, actions, 0);
  out.Close(1);
  err.Close(1);
  std::string output, errors;
  ReadBoth(out.read_end(), err.read_end(), &output, &errors);
  if (WaitFor(pid) != 0) throw std::runtime_error("lab " + args[3] + ": " + WithoutNewline(errors));
  return output;
}

void Lab::Up(int hosts) { Run({"up", "--hosts", std::to_string(hosts)}); }
void Lab::Down() { Run({"down"}); }

std::vector<Lab::HostState> Lab::List() const {
  std::vector<HostState> hosts;
  std::istringstream lines(Run({"list"}));
  std::string state;
  for (HostState host; lines >> host.name >> host.address >> state;) {
    host.running = state == "running";
    hosts.push_back(host);
  }
  return hosts;
}

std::string Lab::Address(const std::string& host) const {
  return WithoutNewline(Run({"address", host}));
}

std::string Lab::ControlAddress() const { return WithoutNewline(Run({"control-address"})); }

std::filesystem::path Lab::Key() const { return WithoutNewline(Run({"key"})); }

std::string Lab::HostKey(const std::string& host, const std::string& type) const {
  return WithoutNewline(Run({"host-key", host, type}));
}

std::filesystem::path Lab::Root(const std::string& host) const {
  return WithoutNewline(Run({"root", host}));
}

std::int64_t Lab::CpuNanoseconds(const std::string& host) const {
  return std::stoll(Run({"cpu", host}));
}

std::string Lab::Ssh(const std::string& host, const std::string& command) const {
  return Run({"ssh", host, "--", command});
}

void Lab::Wait(const std::string& host) const { Run({"wait", host}); }
void Lab::Start(const std::string& host) const { Run({"start", host}); }
void Lab::Stop(const std::string& host) const { Run({"stop", host}); }
void Lab::Reboot(const std::string& host) const { Run({"reboot", host}); }
void Lab::PowerCut(const std::string& host) const { Run({"power-cut", host}); }
void Lab::Unplug(const std::string& host) const { Run({"unplug", host}); }
void Lab::Plug(const std::string& host) const { Run({"plug", host}); }
void Lab::Reset(const std::string& host) const { Run({"reset", host}); }
void Lab::FreezeSshd(const std::string& host) const { Run({"freeze-sshd", host}); }
void Lab::ThawSshd(const std::string& host) const { Run({"thaw-sshd", host}); }

void Lab::FillDisk(const std::string& host, const std::string& path, int size_mb) const {
  Run({"fill-disk", host, path, std::to_string(size_mb)});
}

void Lab::FreeDisk(const std::string& host, const std::string& path) const {
  Run({"free-disk", host, path});
}

void Lab::AddUser(const std::string& host, const User& user) const {
  std::vector<std::string> args{"add-user", host, user.name};
  if (!user.password.empty()) args.insert(args.end(), {"--password", user.password});
  if (user.sudo != Sudo::kNone) {
    const bool free = user.sudo == Sudo::kWithoutPassword;
    args.insert(args.end(), {"--sudo", free ? "nopasswd" : "password"});
  }
  if (!user.public_key.empty()) args.insert(args.end(), {"--key", user.public_key.string()});
  Run(std::move(args));
}

}  // namespace dmgr::testing
