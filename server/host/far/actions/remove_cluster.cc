#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

void CheckRequest(const hv1::RemoveCluster& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  for (const auto* paths :
       {&request.dirs(), &request.files(), &request.parents(), &request.store_dirs()}) {
    for (const auto& path : *paths) {
      CheckPath(path);
      if (path == "/") throw BadRequest("/ is not removed", path);
    }
  }
  if (!request.user().empty()) CheckAccountName(request.user());
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

Ownership MakeOwnership(Context& context, const std::string& user) {
  Ownership ownership;
  ownership.cluster = context.session.cluster();
  if (!user.empty()) {
    if (const auto found = FindUser(context, user)) ownership.user = found->id;
  }
  const Walked clusters = context.tree.Walk(kClustersDir);
  if (clusters.end != Walked::End::kThere) return ownership;
  for (const auto& cluster : List(clusters.dir.get(), kClustersDir)) {
    const LineFile record(context.tree, ClusterRecordPath(cluster));
    auto& paths = cluster == ownership.cluster ? ownership.recorded : ownership.others;
    paths.insert(record.lines().begin(), record.lines().end());
  }
  return ownership;
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

void RemoveParent(Context& context, const Ownership& ownership, const std::string& path) {
  const auto entry = context.tree.FindEntry(path);
  if (!entry.has_value() || ownership.others.count(path) != 0) return;
  // One that is not empty stays.
  unlinkat(entry->dir.get(), entry->name.c_str(), AT_REMOVEDIR);
}

bool IsRemoved(const hv1::RemoveCluster& request, const std::string& path) {
  for (const auto& dir : request.dirs()) {
    if (path == dir || path.compare(0, dir.size() + 1, dir + "/") == 0) return true;
  }
  for (const auto& unit : request.units()) {
    if (path == UnitPath(unit) || path == WantsPath(unit)) return true;
  }
  return false;
}

}  // namespace

hv1::RemoveClusterReply DoRemoveCluster(Context& context, const hv1::RemoveCluster& request) {
  CheckRequest(request);
  CheckStopped(context, request.units());
  const Ownership ownership = MakeOwnership(context, request.user());
  TreeRemover remover(&context, &ownership);
  RemoveUnits(context, request.units(), &remover);
  for (const auto& path : request.dirs()) remover.RemoveDir(path);
  for (const auto& path : request.files()) remover.RemoveFile(path);

  std::vector<std::string> left = remover.left();
  {
    const Fd lock = LockShared(context);
    const std::set<std::string> hashes(request.hashes().begin(), request.hashes().end());
    if (!request.keep_cluster() && !request.user().empty()) {
      LeaveAccount(context, request.user(), request.public_key(), &left);
    }
    for (const auto& store_dir : request.store_dirs()) {
      LeaveStore(context, store_dir, request.keep_cluster() ? &hashes : nullptr);
    }
    // A home or a store may be below one of them.
    for (const auto& path : request.parents()) RemoveParent(context, ownership, path);
    if (request.keep_cluster()) {
      ForgetPaths(context, [&](const std::string& path) { return IsRemoved(request, path); });
    } else {
      LeaveHost(context);
    }
  }
  hv1::RemoveClusterReply reply;
  for (const auto& path : left) reply.add_left(path);
  return reply;
}

}  // namespace dmgr::far
