#include "server/host/far/state/unit_files.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "server/host/far/base/failure.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr char kUnitDirsRecord[] = "/var/lib/dmgr/shared/unit-dirs";

}  // namespace

std::string UnitPath(const std::string& unit) { return std::string(kUnitDir) + "/" + unit; }
std::string WantsPath(const std::string& unit) { return std::string(kWantsDir) + "/" + unit; }

void MakeUnitDirs(Context& context) {
  const Tree& tree = context.tree;
  if (const Login* login = tree.login()) {
    std::vector<std::string> absent;
    for (std::string dir = tree.Place(kWantsDir); dir != login->home; dir = ParentOf(dir)) {
      if (tree.Walk(dir).end == Walked::End::kAbsent) absent.push_back(dir);
    }
    LineFile(tree, kUnitDirsRecord).Add(absent);
  }
  MakeRootDir(tree, kUnitDir, 0755);
  MakeRootDir(tree, kWantsDir, 0755);
}

void RemoveUnitDirs(const Tree& tree) {
  const LineFile made(tree, kUnitDirsRecord);
  // Those below first.
  for (auto dir = made.lines().rbegin(); dir != made.lines().rend(); ++dir) {
    RemoveEmptyDir(tree, *dir);
  }
}

bool SetEnabled(Context& context, const std::string& unit, bool enabled) {
  const Entry link = context.tree.OpenEntry(WantsPath(unit));
  if (!enabled) return RemoveFile(link);
  const std::string unit_path = context.tree.Place(UnitPath(unit));
  char now[PATH_MAX];
  const ssize_t size = readlinkat(link.dir.get(), link.name.c_str(), now, sizeof(now));
  if (size > 0 && unit_path == std::string(now, static_cast<std::size_t>(size))) return false;
  const std::string temporary = TemporaryName(context.session);
  if (symlinkat(unit_path.c_str(), link.dir.get(), temporary.c_str()) != 0 ||
      renameat(link.dir.get(), temporary.c_str(), link.dir.get(), link.name.c_str()) != 0) {
    const int error_number = errno;
    unlinkat(link.dir.get(), temporary.c_str(), 0);
    throw SystemFailure("cannot link", link.path, error_number);
  }
  return true;
}

UnitReload::UnitReload(Context* context)
    : context_(*context),
      marker_(std::string(kClustersDir) + "/" + context->session.cluster() + "/daemon-reload") {
  const auto entry = context_.tree.FindEntry(marker_);
  needed_ = entry.has_value() && entry->Stat().has_value();
}

void UnitReload::Expect() {
  if (expected_) return;
  expected_ = true;
  const Fd dir = MakeRootDir(context_.tree, ParentOf(marker_), 0700);
  const Entry entry = context_.tree.OpenEntry(marker_);
  WriteFile(context_.session, entry, "", 0600, context_.tree.root());
  SyncDir(dir.get(), ParentOf(marker_));
}

void UnitReload::Run() {
  if (needed_ && SystemdRuns(context_.tree)) {
    context_.programs.RunChecked(context_.call, {"systemctl", "daemon-reload"});
  }
  needed_ = false;
  expected_ = false;
  if (const auto entry = context_.tree.FindEntry(marker_)) RemoveFile(*entry);
}

}  // namespace dmgr::far
