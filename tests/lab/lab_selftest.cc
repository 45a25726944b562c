#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/lab.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

bool Await(std::chrono::seconds limit, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Whether any process of this machine has `text` in its arguments.
bool HasProcess(const std::string& text) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (ReadFile(entry.path() / "cmdline").find(text) != std::string::npos) return true;
  }
  return false;
}

fs::path StateDir(const std::string& lab) {
  const char* root = std::getenv("DMGR_LAB_STATE");
  return fs::path(root != nullptr ? root : "/var/lib/dmgr-lab") / lab;
}

/// Names what is left of a lab; empty when nothing is.
std::string LeftOvers(const std::string& lab) {
  std::string left;
  const std::string state = StateDir(lab).string();
  if (fs::exists(state)) left += "state ";
  if (ReadFile("/proc/self/mounts").find(state + "/") != std::string::npos) left += "mounts ";
  if (fs::exists("/sys/class/net/dml-" + lab)) left += "bridge ";
  if (fs::exists("/sys/fs/cgroup/systemd/dmlab-" + lab + "-h1")) left += "cgroup ";
  if (HasProcess(state + "/")) left += "processes ";
  return left;
}

/// Whether `from` reaches the sshd of `to` over the hosts' network.
bool Reaches(const Lab& lab, const std::string& from, const std::string& to) {
  const std::string probe = "timeout 1 bash -c 'exec 3<>/dev/tcp/" + lab.Address(to) +
                            "/22' 2>/dev/null && echo yes || true";
  return lab.Ssh(from, probe) == "yes\n";
}

TEST_CASE("hosts are whole machines of their own", "[lab]") {
  Lab& lab = Lab::Shared(2);
  REQUIRE(lab.List().size() == 2);
  for (const Lab::HostState& host : lab.List()) {
    CHECK(host.running);
    CHECK(lab.Ssh(host.name, "systemctl is-system-running") == "running\n");
    CHECK(lab.Ssh(host.name, "hostname") == host.name + "\n");
    CHECK(lab.CpuNanoseconds(host.name) > 0);
  }
  CHECK(lab.Ssh("h1", "cat /etc/machine-id") != lab.Ssh("h2", "cat /etc/machine-id"));
  for (const char* type : {"ed25519", "ecdsa", "rsa"}) {
    const auto key = [&](const char* host) {
      const std::string line = lab.HostKey(host, type);
      return line.substr(line.find(' '));
    };
    CHECK(key("h1") != key("h2"));
  }
  CHECK(Reaches(lab, "h1", "h2"));
  CHECK(Reaches(lab, "h2", "h1"));
}

TEST_CASE("a host keeps its disk over power cuts and reboots", "[lab]") {
  Lab& lab = Lab::Shared(2);
  const std::string id = lab.Ssh("h1", "cat /etc/machine-id");
  lab.Ssh("h1", "echo kept >/root/file && sync /root/file");
  lab.PowerCut("h1");
  CHECK_FALSE(lab.List().at(0).running);
  CHECK(lab.List().at(1).running);
  CHECK_THROWS_AS(lab.Ssh("h1", "true"), std::runtime_error);
  lab.Start("h1");
  CHECK(lab.Ssh("h1", "cat /root/file /etc/machine-id") == "kept\n" + id);
  lab.Reboot("h1");
  CHECK(lab.Ssh("h1", "cat /root/file") == "kept\n");
  lab.Stop("h1");
  CHECK_FALSE(lab.List().at(0).running);
  lab.Up(2);
  CHECK(lab.Ssh("h1", "cat /root/file") == "kept\n");
}

TEST_CASE("a reset host is another machine", "[lab]") {
  Lab& lab = Lab::Shared(2);
  const std::string id = lab.Ssh("h2", "touch /root/file && cat /etc/machine-id");
  const std::string key = lab.HostKey("h2");
  lab.Reset("h2");
  CHECK(lab.Ssh("h2", "ls /root && cat /etc/machine-id") != id);
  CHECK(lab.HostKey("h2") != key);
}

TEST_CASE("a cable can be out", "[lab]") {
  Lab& lab = Lab::Shared(2);
  lab.Unplug("h2");
  CHECK_FALSE(Reaches(lab, "h1", "h2"));
  CHECK(lab.List().at(1).running);
  lab.Plug("h2");
  CHECK(Await(std::chrono::seconds(10), [&] { return Reaches(lab, "h1", "h2"); }));
}

TEST_CASE("a disk can be full", "[lab]") {
  Lab& lab = Lab::Shared(1);
  lab.Ssh("h1", "mkdir -p /data && echo old >/data/file");
  lab.FillDisk("h1", "/data", 4);
  CHECK(lab.Ssh("h1", "cat /data/file") == "old\n");
  CHECK_THROWS_WITH(lab.Ssh("h1", "echo x >/data/new"), Catch::Contains("No space left on device"));
  lab.FreeDisk("h1", "/data");
  lab.Ssh("h1", "echo x >/data/new");
}

TEST_CASE("a frozen sshd accepts and says nothing", "[lab]") {
  Lab& lab = Lab::Shared(2);
  lab.FreezeSshd("h1");
  const std::string read = "timeout 1 bash -c 'exec 3<>/dev/tcp/" + lab.Address("h1") +
                           "/22 && echo open && head -n1 <&3' || true";
  CHECK(lab.Ssh("h2", read) == "open\n");
  lab.ThawSshd("h1");
  CHECK(lab.Ssh("h1", "echo alive") == "alive\n");
}

TEST_CASE("test logins and their sudo", "[lab]") {
  Lab& lab = Lab::Shared(1);
  lab.AddUser("h1", {.name = "free", .sudo = Lab::Sudo::kWithoutPassword});
  lab.AddUser("h1",
              {.name = "asked", .password = "it's a \"secret\"", .sudo = Lab::Sudo::kWithPassword});
  lab.AddUser("h1", {.name = "none", .password = "x"});
  CHECK(lab.Ssh("h1", "su free -c 'sudo -n id -un'") == "root\n");
  CHECK_THROWS_WITH(lab.Ssh("h1", "su asked -c 'sudo -n id -un'"), Catch::Contains("password"));
  lab.Ssh("h1", "cat >/root/secret <<'END'\nit's a \"secret\"\nEND");
  CHECK(lab.Ssh("h1", "su asked -c \"sudo -S -p '' id -un\" </root/secret") == "root\n");
  CHECK_THROWS_AS(lab.Ssh("h1", "su none -c \"sudo -S -p '' id\" <<<x"), std::runtime_error);
}

TEST_CASE("nothing is left when a lab goes", "[lab]") {
  const std::string name = "q" + std::to_string(::getpid());
  {
    Lab lab(name, 1);
    CHECK_FALSE(LeftOvers(name).empty());
  }
  CHECK(LeftOvers(name).empty());
}

TEST_CASE("nothing is left when the test program is killed", "[lab]") {
  const std::string name = "k" + std::to_string(::getpid());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      Lab lab(name, 1);
      ::raise(SIGKILL);
    } catch (const std::exception&) {
    }
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(Await(std::chrono::seconds(30), [&] { return LeftOvers(name).empty(); }));
}

}  // namespace
}  // namespace dmgr::testing
