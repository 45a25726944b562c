#include "server/host/far/state/own_programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/processes.h"

namespace dmgr::far {
namespace {

constexpr char kProgram[] = "dmgr-host";
// What an upload writes before it is whole.
constexpr char kPartPrefix[] = "part-";

// The folder of this build; empty when it was not started from one.
std::string OwnFolder(const Tree& tree) {
  const std::string path = ProgramPath(getpid());
  const std::string& root = tree.root_dir();
  if (path.empty()) return {};
  if (path.compare(0, root.size(), root) != 0) return {};
  const std::string folder = ParentOf(path.substr(root.size()));
  return BaseName(path) == kProgram && IsHash(BaseName(folder)) ? folder : "";
}

std::set<std::string> Bases(const Tree& tree) {
  std::set<std::string> bases = {tree.Place(kStateDir)};
  const std::string own = OwnFolder(tree);
  if (!own.empty()) bases.insert(ParentOf(own));
  return bases;
}

Fd OpenFolder(int base, const std::string& name) {
  return Fd(openat(base, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

void RemoveAllIn(const Tree& tree, const std::string& base) {
  const Walked walked = tree.Walk(base);
  if (walked.end != Walked::End::kThere) return;
  for (const auto& name : List(walked.dir.get(), base)) {
    if (!IsHash(name)) continue;
    const Fd dir = OpenFolder(walked.dir.get(), name);
    if (!dir.ok()) continue;
    unlinkat(dir.get(), kProgram, 0);
    unlinkat(walked.dir.get(), name.c_str(), AT_REMOVEDIR);
  }
}

// Of the folder and of all in it nothing was written since; false when something foreign is there.
bool IsUnusedSince(int folder, const std::vector<std::string>& names, std::time_t since) {
  struct stat info = {};
  if (fstat(folder, &info) != 0 || info.st_mtime >= since) return false;
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const bool is_own = name == kProgram || name.rfind(kPartPrefix, 0) == 0;
    return is_own && fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(info.st_mode) && info.st_mtime < since;
  });
}

// By any process, as the host itself sees their files.
bool IsRun(const std::string& program) {
  const auto processes = AllProcesses();
  return std::any_of(processes.begin(), processes.end(),
                     [&](const Process& process) { return ProgramPath(process.pid) == program; });
}

std::uint32_t RemoveOldIn(const Tree& tree, const std::string& base, std::time_t since) {
  const Walked walked = tree.Walk(base);
  if (walked.end != Walked::End::kThere) return 0;
  std::uint32_t removed = 0;
  for (const auto& name : List(walked.dir.get(), base)) {
    if (!IsHash(name)) continue;
    const Fd folder = OpenFolder(walked.dir.get(), name);
    if (!folder.ok()) continue;
    const std::string path = PathIn(base, name);
    const auto names = List(folder.get(), path);
    if (!IsUnusedSince(folder.get(), names, since)) continue;
    if (IsRun(tree.root_dir() + PathIn(path, kProgram))) continue;
    for (const auto& file : names) unlinkat(folder.get(), file.c_str(), 0);
    if (unlinkat(walked.dir.get(), name.c_str(), AT_REMOVEDIR) == 0) ++removed;
  }
  return removed;
}

void MarkUsed(const Tree& tree) {
  const std::string own = OwnFolder(tree);
  if (own.empty()) return;
  const auto entry = tree.FindEntry(PathIn(own, kProgram));
  if (entry.has_value()) {
    utimensat(entry->dir.get(), entry->name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  }
}

}  // namespace

void RemovePrograms(const Tree& tree) {
  for (const auto& base : Bases(tree)) RemoveAllIn(tree, base);
}

std::uint32_t RemoveOldPrograms(const Tree& tree, std::chrono::hours unused) {
  std::uint32_t removed = 0;
  try {
    MarkUsed(tree);
    const std::time_t since = std::time(nullptr) - std::chrono::seconds(unused).count();
    for (const auto& base : Bases(tree)) removed += RemoveOldIn(tree, base, since);
  } catch (const Failed&) {
    // A folder that cannot be read is in nobody's way.
    return removed;
  }
  return removed;
}

}  // namespace dmgr::far
