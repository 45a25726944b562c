#include "tests/support/lab.h"

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace dmgr::testing {
namespace {

constexpr char kScript[] = DMGR_SOURCE_DIR "/tests/lab/lab.sh";

std::string WithoutNewline(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

// Should Up throw, the guard goes with the other members and removes what there is.
Lab::Lab(std::string name, int hosts)
    : name_(std::move(name)),
      guard_(std::make_unique<Guard>(std::vector<std::string>{kScript, "guard", "--lab", name_})) {
  Up(hosts);
}

Lab::~Lab() {
  try {
    Down();
  } catch (const std::exception& error) {
    // The guard tries again.
    std::fprintf(stderr, "lab %s: %s\n", name_.c_str(), error.what());
  }
}

Lab& Lab::Shared(int hosts) {
  static std::mutex mutex;
  static std::unique_ptr<Lab> lab;
  const std::lock_guard lock(mutex);
  if (lab) lab->Up(hosts);
  if (!lab) lab = std::make_unique<Lab>("p" + std::to_string(::getpid()), hosts);
  return *lab;
}

std::string Lab::Run(std::vector<std::string> args) const {
  const std::string name = args.at(0);
  args.insert(args.begin(), {kScript, "--lab", name_});
  const Result result = testing::Run({.args = std::move(args)});
  if (result.exit_code != 0) {
    throw std::runtime_error("lab " + name + ": " + WithoutNewline(result.err));
  }
  return result.out;
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

std::string Lab::Address6(const std::string& host) const {
  return WithoutNewline(Run({"address6", host}));
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
void Lab::Readdress(const std::string& host, int number) const {
  Run({"readdress", host, std::to_string(number)});
}
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
