#ifndef DMGR_TESTS_SUPPORT_LAB_H_
#define DMGR_TESTS_SUPPORT_LAB_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace dmgr::testing {

/// Real hosts h1 to hN on this machine (tests/lab/README.md). Needs root.
///
/// Every method runs one command of lab.sh and throws std::runtime_error with what that command
/// wrote to its standard error. Methods may be called from several threads.
///
/// The lab goes with the object. Should the process die first, by whatever signal, a watcher
/// outside of its process group removes the lab.
class Lab {
 public:
  enum class Sudo { kNone, kWithoutPassword, kWithPassword };

  struct User {
    std::string name;
    std::string password{};  ///< Empty: no login by password.
    Sudo sudo = Sudo::kNone;
    std::filesystem::path public_key{};  ///< Empty: no login by key.
  };

  struct HostState {
    std::string name;
    std::string address;
    bool running = false;
  };

  /// Boots `hosts` hosts and returns when all of them are fully up. `name` is unique on the
  /// machine: 1 to 12 of a-z, 0-9 and '-', the first one not '-'.
  Lab(std::string name, int hosts);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  /// The lab that all tests of this process share, with at least `hosts` hosts. Made at the first
  /// call and removed at exit. A test leaves its hosts as a later test may expect them, or resets
  /// them.
  static Lab& Shared(int hosts);

  /// Boots those of h1 to h`hosts` that do not run.
  void Up(int hosts);
  /// Removes all hosts; the destructor does no more than this.
  void Down();

  const std::string& name() const { return name_; }
  std::vector<HostState> List() const;
  std::string Address(const std::string& host) const;
  /// The same over IPv6, on a machine that has it.
  std::string Address6(const std::string& host) const;
  /// The address under which the hosts reach this machine.
  std::string ControlAddress() const;
  /// The private key that logs in as root to every host.
  std::filesystem::path Key() const;
  /// A line of known_hosts; `type` is ed25519, ecdsa or rsa.
  std::string HostKey(const std::string& host, const std::string& type = "ed25519") const;
  /// Where the root directory of the host is on this machine.
  std::filesystem::path Root(const std::string& host) const;
  /// CPU time that the host has used since its boot.
  std::int64_t CpuNanoseconds(const std::string& host) const;

  /// Runs a shell command as root, returns its standard output.
  std::string Ssh(const std::string& host, const std::string& command) const;

  void Wait(const std::string& host) const;
  void Start(const std::string& host) const;
  void Stop(const std::string& host) const;
  void Reboot(const std::string& host) const;
  void PowerCut(const std::string& host) const;
  void Unplug(const std::string& host) const;
  void Plug(const std::string& host) const;
  /// Another address instead of the former one, by its last number.
  void Readdress(const std::string& host, int number) const;
  /// A fresh host under the same address; it has new keys and a new machine-id.
  void Reset(const std::string& host) const;
  void FillDisk(const std::string& host, const std::string& path, int size_mb) const;
  void FreeDisk(const std::string& host, const std::string& path) const;
  void AddUser(const std::string& host, const User& user) const;
  void FreezeSshd(const std::string& host) const;
  void ThawSshd(const std::string& host) const;

 private:
  std::string Run(std::vector<std::string> args) const;

  std::string name_;
  std::unique_ptr<Guard> guard_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_LAB_H_
