#include "server/engine/owner.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

#include "common/ids.h"

namespace dmgr::engine {
namespace {

std::string FirstWord(const std::string& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

// Containers of one machine share its boot id but not their pids.
std::string PidNamespace() {
  char link[64];
  const ssize_t size = readlink("/proc/self/ns/pid", link, sizeof(link));
  return size > 0 ? std::string(link, static_cast<std::size_t>(size)) : std::string();
}

// In clock ticks since the boot; empty when it cannot be read.
std::string StartTime(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  // The second field, the program's name, may hold anything; it ends at the last parenthesis.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  constexpr int kFirst = 3;
  constexpr int kStartTime = 22;
  for (int i = kFirst; i <= kStartTime; ++i) fields >> field;
  return fields ? field : std::string();
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

std::string BootId() { return FirstWord("/proc/sys/kernel/random/boot_id"); }

}  // namespace

std::string NewOwner() {
  const pid_t pid = getpid();
  return fmt::format("host={} boot={} pidns={} pid={} start={} id={}", HostName(), BootId(),
                     PidNamespace(), pid, StartTime(pid), HexEncode(RandomBytes(8)));
}

bool HasEnded(const std::string& owner) {
  std::map<std::string, std::string> parts;
  std::istringstream words(owner);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) parts[word.substr(0, equals)] = word.substr(equals + 1);
  }
  const std::string boot = BootId();
  const std::string pid_namespace = PidNamespace();
  if (boot.empty() || parts["boot"] != boot) return false;
  if (pid_namespace.empty() || parts["pidns"] != pid_namespace) return false;
  const std::string& text = parts["pid"];
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid <= 0) return false;
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  // Another process may have got its number.
  const std::string start = StartTime(pid);
  return !start.empty() && !parts["start"].empty() && start != parts["start"];
}

}  // namespace dmgr::engine
