#include <algorithm>
#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/ownership.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

void CheckRequest(const hv1::RemovePaths& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  for (const auto* paths : {&request.dirs(), &request.files(), &request.parents()}) {
    for (const auto& path : *paths) CheckRemovable(path);
  }
  if (!request.user().empty()) CheckAccountName(request.user());
}

void RemoveUnits(Context& context, const UnitNames& units, TreeRemover* remover) {
  UnitReload reload(&context);
  for (const auto& unit : units) {
    for (const auto& path : {WantsPath(unit), UnitPath(unit)}) {
      const auto entry = context.tree.FindEntry(path);
      if (!entry.has_value() || !entry->Stat().has_value()) continue;
      reload.Expect();
      remover->RemoveFile(path);
      if (!entry->Stat().has_value()) reload.Need();
    }
  }
  reload.Run();
}

bool IsRemoved(const hv1::RemovePaths& request, const std::string& path) {
  for (const auto& dir : request.dirs()) {
    if (path == dir || path.compare(0, dir.size() + 1, dir + "/") == 0) return true;
  }
  for (const auto& unit : request.units()) {
    if (path == UnitPath(unit) || path == WantsPath(unit)) return true;
  }
  return std::find(request.files().begin(), request.files().end(), path) != request.files().end();
}

}  // namespace

void CheckRemovable(const std::string& path) {
  CheckPath(path);
  if (path == "/") throw BadRequest("/ is not removed", path);
}

void CheckStopped(Context& context, const UnitNames& units) {
  if (!SystemdRuns(context.tree)) return;
  std::vector<std::string> failed = {"systemctl", "reset-failed"};
  for (const auto& info : ShowUnits(context, units)) {
    if (!info.IsDown() || info.has_job) {
      throw Conflict(info.name + " is " + info.active_state + "; stop it first", info.name);
    }
    if (info.active_state == "failed") failed.push_back(info.name);
  }
  // Otherwise systemd remembers them for ever.
  if (failed.size() > 2) context.programs.Run(context.call, failed);
}

hv1::RemovePathsReply DoRemovePaths(Context& context, const hv1::RemovePaths& request) {
  CheckRequest(request);
  CheckStopped(context, request.units());
  const Ownership ownership = LoadOwnership(context, request.user());
  TreeRemover remover(&context, &ownership);
  RemoveUnits(context, request.units(), &remover);
  for (const auto& path : request.dirs()) remover.RemoveDir(path);
  for (const auto& path : request.files()) remover.RemoveFile(path);
  if (!request.parents().empty()) {
    // No other cluster makes its store or its account's home in one of them meanwhile.
    const Fd lock = LockShared(context);
    RemoveParents(context, ownership, request.parents());
  }
  ForgetPaths(context, [&](const std::string& path) { return IsRemoved(request, path); });
  hv1::RemovePathsReply reply;
  for (const auto& path : remover.left()) reply.add_left(path);
  return reply;
}

}  // namespace dmgr::far
