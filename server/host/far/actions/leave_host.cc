#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/fence.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr char kProgram[] = "dmgr-host";

// {base}/{hash}/dmgr-host for every build that was here.
void RemovePrograms(const Tree& tree, const std::string& base) {
  const Walked walked = tree.Walk(base);
  if (walked.end != Walked::End::kThere) return;
  for (const auto& name : List(walked.dir.get(), base)) {
    if (!IsHash(name)) continue;
    const Fd dir(
        openat(walked.dir.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir.ok()) continue;
    unlinkat(dir.get(), kProgram, 0);
    unlinkat(walked.dir.get(), name.c_str(), AT_REMOVEDIR);
  }
}

// The folder of this program's builds; empty when it was not started from one.
std::string OwnBase(const Tree& tree) {
  char target[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", target, sizeof(target));
  if (size <= 0) return {};
  const std::string path(target, static_cast<std::size_t>(size));
  const std::string& root = tree.root_dir();
  if (path.compare(0, root.size(), root) != 0) return {};
  const std::string folder = ParentOf(path.substr(root.size()));
  return BaseName(path) == kProgram && IsHash(BaseName(folder)) ? ParentOf(folder) : "";
}

bool AnyHolder(const Tree& tree) {
  const Walked shared = tree.Walk(kSharedDir);
  if (shared.end != Walked::End::kThere) return false;
  for (const auto& name : List(shared.dir.get(), kSharedDir)) {
    if (HasEntries(tree, std::string(kSharedDir) + "/" + name + "/holders")) return true;
  }
  return false;
}

void RemoveOwn(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  if (!entry.has_value()) return;
  RemoveOwnTree(entry->dir.get(), entry->name, path);
  SyncDir(entry->dir.get(), ParentOf(path));
}

}  // namespace

void LeaveHost(Context& context) {
  const Tree& tree = context.tree;
  RemoveOwn(tree, ParentOf(ClusterRecordPath(context.session.cluster())));
  ForgetOldFences(context);
  if (HasEntries(tree, kClustersDir) || AnyHolder(tree)) return;
  RemoveEmptyDir(tree, kClustersDir);
  RemovePrograms(tree, kStateDir);
  const std::string own = OwnBase(tree);
  if (!own.empty() && own != kStateDir) RemovePrograms(tree, own);
  RemoveUnitDirs(tree);
  // With the lock, last: whoever waits for it takes a new one.
  RemoveOwn(tree, kSharedDir);
}

}  // namespace dmgr::far
