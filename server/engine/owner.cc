#include "server/engine/owner.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <map>
#include <sstream>
#include <system_error>

#include "common/files.h"
#include "common/ids.h"

namespace dmgr::engine {
namespace {

std::string FirstWord(const std::string& file) {
  const std::string text = ReadFile(file).value_or("");
  return text.substr(0, text.find_first_of(" \n"));
}

// Containers of one machine share its boot id but not their pids.
std::string PidNamespace() {
  char link[64];
  const ssize_t size = readlink("/proc/self/ns/pid", link, sizeof(link));
  return size > 0 ? std::string(link, static_cast<std::size_t>(size)) : std::string();
}

struct ProcessStat {
  char state = '\0';
  // In clock ticks since the boot; empty when the process cannot be looked at.
  std::string start_time;
};

ProcessStat StatOf(pid_t pid) {
  const std::string line = ReadFile(fmt::format("/proc/{}/stat", pid)).value_or("");
  // The second field, the program's name, may hold anything; it ends at the last parenthesis.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  ProcessStat stat;
  std::string field;
  fields >> stat.state;
  constexpr int kAfterState = 4;
  constexpr int kStartTime = 22;
  for (int i = kAfterState; i <= kStartTime; ++i) fields >> field;
  if (fields) stat.start_time = field;
  return stat;
}

// Of a process that has ended and that its parent has not collected yet.
bool HasThreads(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid), error);
  return error || std::distance(begin(tasks), end(tasks)) > 1;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

std::string BootId() { return FirstWord("/proc/sys/kernel/random/boot_id"); }

using Parts = std::map<std::string, std::string>;

Parts PartsOf(const std::string& owner) {
  Parts parts;
  std::istringstream words(owner);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) parts[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return parts;
}

constexpr char kHeld[] = "held";

}  // namespace

std::string NewOwner(bool holds_data_folder) {
  const pid_t pid = getpid();
  return fmt::format("host={} boot={} pidns={} pid={} start={} folder={} session={}", HostName(),
                     BootId(), PidNamespace(), pid, StatOf(pid).start_time,
                     holds_data_folder ? kHeld : "none", HexEncode(RandomBytes(8)));
}

bool IsPresentWhileAlive(const std::string& owner) { return PartsOf(owner).contains("session"); }

bool HasEnded(const std::string& owner, bool holds_data_folder) {
  Parts parts = PartsOf(owner);
  if (holds_data_folder && parts["folder"] == kHeld) return true;
  const std::string boot = BootId();
  const std::string pid_namespace = PidNamespace();
  if (boot.empty() || parts["boot"] != boot) return false;
  if (pid_namespace.empty() || parts["pidns"] != pid_namespace) return false;
  const std::string& text = parts["pid"];
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid <= 0) return false;
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  const ProcessStat stat = StatOf(pid);
  if (stat.start_time.empty() || parts["start"].empty()) return false;
  // Another process may have got its number.
  return stat.start_time != parts["start"] || (stat.state == 'Z' && !HasThreads(pid));
}

}  // namespace dmgr::engine
