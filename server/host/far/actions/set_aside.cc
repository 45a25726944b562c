// Another tool's files keep a second name while the cluster's take their places. Which ones do is
// recorded before the effect, so that what is a file's own place is known after any kill.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

std::string AsideRecord(const Context& context) {
  return ParentOf(ClusterRecordPath(context.session.cluster())) + "/aside";
}

// Of each cluster another one: what an earlier one set aside stays.
std::string AsideSuffix(const Context& context) {
  return ".tiup-" + context.session.cluster().substr(0, 8);
}

// The files of a request.
template <typename Request>
std::vector<std::string> AsideFiles(const Request& request) {
  std::vector<std::string> paths(request.paths().begin(), request.paths().end());
  for (const auto& path : paths) CheckPath(path);
  for (const auto& unit : request.units()) {
    CheckUnit(unit);
    paths.push_back(UnitPath(unit));
  }
  return paths;
}

std::optional<struct stat> StatAside(const Entry& entry, const std::string& aside) {
  struct stat info = {};
  if (fstatat(entry.dir.get(), aside.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info;
  if (errno == ENOENT) return std::nullopt;
  throw SystemFailure("cannot look at", entry.path, errno);
}

// The file stays where it is until another one is renamed over it.
void LinkAside(const Entry& entry, const std::string& aside) {
  const int dir = entry.dir.get();
  if (linkat(dir, entry.name.c_str(), dir, aside.c_str(), 0) != 0) {
    throw SystemFailure("cannot set aside", entry.path, errno);
  }
}

// Puts a file back, if it has not been.
void ReturnAside(const Entry& entry, const std::string& aside) {
  const auto kept = StatAside(entry, aside);
  if (!kept.has_value()) return;
  const auto there = entry.Stat();
  const int dir = entry.dir.get();
  // To rename a file to another of its own names does nothing.
  const bool is_same =
      there.has_value() && there->st_dev == kept->st_dev && there->st_ino == kept->st_ino;
  const int failed = is_same ? unlinkat(dir, aside.c_str(), 0)
                             : renameat(dir, aside.c_str(), dir, entry.name.c_str());
  if (failed != 0) throw SystemFailure("cannot put back", entry.path, errno);
}

}  // namespace

void DoSetAside(Context& context, const hv1::SetAside& request) {
  const LineFile ours(context.tree, ClusterRecordPath(context.session.cluster()));
  LineFile record(context.tree, AsideRecord(context));
  const std::string suffix = AsideSuffix(context);
  std::set<std::string> dirs;
  for (const auto& path : AsideFiles(request)) {
    context.call.CheckCancelled();
    // What is the cluster's and was never set aside has taken nobody's place.
    if (ours.Has(path) && !record.Has(path)) continue;
    const auto entry = context.tree.FindEntry(path);
    const auto there = entry.has_value() ? entry->Stat() : std::nullopt;
    if (!there.has_value()) continue;
    if (S_ISDIR(there->st_mode)) throw Conflict("a directory is in the way of " + path, path);
    const std::string aside = entry->name + suffix;
    if (StatAside(*entry, aside).has_value()) {
      if (record.Has(path)) continue;
      throw Conflict(path + suffix + " is there already: move it away", path + suffix);
    }
    // One that is recorded and has no second name was put back by what was then killed.
    record.Add({path});
    LinkAside(*entry, aside);
    dirs.insert(ParentOf(path));
  }
  for (const auto& dir : dirs) SyncDir(context.tree.OpenDir(dir).get(), dir);
}

void DoPutBack(Context& context, const hv1::PutBack& request) {
  const LineFile ours(context.tree, ClusterRecordPath(context.session.cluster()));
  const LineFile record(context.tree, AsideRecord(context));
  UnitReload reload(&context);
  if (!request.units().empty()) reload.Expect();
  std::set<std::string> paths;
  std::set<std::string> dirs;
  for (const auto& path : AsideFiles(request)) {
    context.call.CheckCancelled();
    paths.insert(path);
    const auto entry = context.tree.FindEntry(path);
    if (!entry.has_value()) continue;
    if (record.Has(path)) {
      ReturnAside(*entry, entry->name + AsideSuffix(context));
    } else if (ours.Has(path)) {
      RemoveFile(*entry);
    } else {
      continue;
    }
    dirs.insert(ParentOf(path));
  }
  for (const auto& dir : dirs) SyncDir(context.tree.OpenDir(dir).get(), dir);
  // Whether it is started at boot was not changed: the link stays, and is not the cluster's.
  for (const auto& unit : request.units()) paths.insert(WantsPath(unit));
  const auto is_done = [&](const std::string& path) { return paths.contains(path); };
  // As long as the second list has it, nobody takes what is there for the cluster's.
  ForgetPaths(context, is_done);
  ForgetLines(context, AsideRecord(context), is_done);
  const auto list = context.tree.FindEntry(AsideRecord(context));
  if (list.has_value() && LineFile(context.tree, AsideRecord(context)).lines().empty()) {
    RemoveFile(*list);
  }
  if (!request.units().empty()) {
    reload.Need();
    reload.Run();
  }
}

}  // namespace dmgr::far
