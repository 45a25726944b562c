#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/borrowed_dirs.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"

namespace dmgr::far {
namespace {

void CheckHandOver(const hv1::HandOver& request) {
  CheckUuid(request.heir());
  for (const auto& unit : request.units()) CheckUnit(unit);
  for (const auto* paths : {&request.dirs(), &request.store_dirs()}) {
    for (const auto& path : *paths) CheckRemovable(path);
  }
  for (const auto& hash : request.hashes()) CheckHash(hash);
}

bool IsIn(const std::string& path, const std::string& dir) {
  return path == dir || path.starts_with(dir + "/");
}

}  // namespace

void DoHandOver(Context& context, const hv1::HandOver& request) {
  CheckHandOver(request);
  const Fd lock = LockShared(context);
  const LineFile mine(context.tree, ClusterRecordPath(context.session.cluster()));
  const auto in_dirs = [&](const std::string& path) {
    return std::ranges::any_of(request.dirs(),
                               [&](const std::string& dir) { return IsIn(path, dir); });
  };
  std::vector<std::string> paths;
  for (const auto& path : mine.lines()) {
    const bool unit = std::ranges::any_of(request.units(), [&](const std::string& one) {
      return path == UnitPath(one) || path == WantsPath(one);
    });
    if (unit || in_dirs(path)) paths.push_back(path);
  }
  // First there, then no more here: at no moment are they nobody's.
  LineFile(context.tree, ClusterRecordPath(request.heir())).Add(paths);
  const std::set<std::string> moved(paths.begin(), paths.end());
  ForgetPaths(context, [&](const std::string& path) { return moved.contains(path); });
  PassOnBorrowed(context, request.heir(), in_dirs);
  for (const auto& store_dir : request.store_dirs()) {
    for (const auto& hash : request.hashes()) {
      const std::string holders = HoldersDir(store_dir, hash);
      const auto own = context.tree.FindEntry(holders + "/" + context.session.cluster());
      if (own.has_value() && own->Stat().has_value()) {
        AddHolder(request.heir(), context.tree, holders);
      }
    }
  }
}

}  // namespace dmgr::far
