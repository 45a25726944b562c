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
#include "server/host/far/state/own_programs.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

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
  RemovePrograms(tree);
  RemoveUnitDirs(tree);
  // With the lock, last: whoever waits for it takes a new one.
  RemoveOwn(tree, kSharedDir);
}

}  // namespace dmgr::far
