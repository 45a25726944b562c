#include "server/host/far/system/processes.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "server/host/far/base/paths.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

// Names that are numbers: processes, or threads of one.
std::vector<pid_t> Numbers(const std::string& dir) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(dir.c_str()), closedir);
  if (stream == nullptr) return numbers;
  while (const dirent* entry = readdir(stream.get())) {
    const int number = std::atoi(entry->d_name);
    if (number > 0) numbers.push_back(number);
  }
  return numbers;
}

Process ParseStat(pid_t pid, const std::string& text) {
  // The name is in parentheses and may contain anything.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  std::vector<std::string> fields;
  std::string_view rest = std::string_view(text).substr(close + 1);
  while (!rest.empty()) {
    const auto begin = rest.find_first_not_of(" \n");
    if (begin == std::string_view::npos) break;
    const auto end = std::min(rest.find_first_of(" \n", begin), rest.size());
    fields.emplace_back(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
  // Fields 3 to 22 of proc(5).
  if (fields.size() < 20) return {};
  Process process;
  process.pid = pid;
  process.name = text.substr(open + 1, close - open - 1);
  process.state = fields[0][0];
  process.parent = std::atoi(fields[1].c_str());
  process.session = std::atoi(fields[3].c_str());
  process.start_time = std::strtoull(fields[19].c_str(), nullptr, 10);
  return process;
}

bool IsDead(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

// The path in the hierarchy that systemd uses, of one process.
std::string CgroupPath(pid_t pid) {
  const std::string text = ReadProc("/proc/" + std::to_string(pid) + "/cgroup");
  std::string unified;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second != std::string::npos) {
      const std::string controllers = line.substr(first + 1, second - first - 1);
      const std::string path = line.substr(second + 1);
      if (controllers == "name=systemd") return path;
      if (controllers.empty()) unified = path;
    }
    at = end + 1;
  }
  return unified;
}

}  // namespace

std::string BootId() {
  std::string boot = ReadProc("/proc/sys/kernel/random/boot_id");
  boot.erase(std::remove(boot.begin(), boot.end(), '\n'), boot.end());
  return boot;
}

Process FindProcess(pid_t pid) {
  return ParseStat(pid, ReadProc("/proc/" + std::to_string(pid) + "/stat"));
}

std::vector<Process> AllProcesses() {
  std::vector<Process> processes;
  for (const pid_t pid : Numbers("/proc")) {
    Process process = FindProcess(pid);
    if (process.pid != 0) processes.push_back(std::move(process));
  }
  return processes;
}

bool IsAlive(pid_t pid, std::uint64_t start_time) {
  const Process process = FindProcess(pid);
  if (process.pid == 0 || process.start_time != start_time) return false;
  if (!IsDead(process.state)) return true;
  // The first thread has ended; another one may hang in the kernel.
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  const std::vector<pid_t> threads = Numbers(tasks);
  return std::any_of(threads.begin(), threads.end(), [&](pid_t thread) {
    const Process task =
        ParseStat(thread, ReadProc(tasks + "/" + std::to_string(thread) + "/stat"));
    return task.pid != 0 && !IsDead(task.state);
  });
}

std::string ProgramPath(pid_t pid) {
  char target[PATH_MAX];
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  const ssize_t size = readlink(link.c_str(), target, sizeof(target));
  if (size <= 0) return {};
  std::string path(target, static_cast<std::size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.size() > kDeleted.size() &&
      path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0) {
    path.resize(path.size() - kDeleted.size());
  }
  return path;
}

std::string ProgramName(pid_t pid) {
  const std::string path = ProgramPath(pid);
  return path.empty() ? path : BaseName(path);
}

std::string UnitOf(pid_t pid) {
  std::string path = CgroupPath(pid);
  // In a container systemd's own tree begins below its root.
  std::string root = CgroupPath(1);
  constexpr std::string_view kInit = "/init.scope";
  if (root.size() > kInit.size() &&
      root.compare(root.size() - kInit.size(), kInit.size(), kInit) == 0) {
    root.resize(root.size() - kInit.size());
    if (path.compare(0, root.size(), root) == 0) path.erase(0, root.size());
  }
  constexpr std::string_view kService = ".service";
  // That of the login's own systemd, below which its units are.
  const std::string own = "user@" + std::to_string(geteuid()) + ".service";
  for (const auto& part : Components(path)) {
    if (part == own) continue;
    if (part.size() > kService.size() &&
        part.compare(part.size() - kService.size(), kService.size(), kService) == 0) {
      return part;
    }
  }
  return {};
}

}  // namespace dmgr::far
