#include <algorithm>
#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/selinux.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

// What somebody else has written since systemd read it shows in no file.
bool IsOutdated(Context& context, const hv1::InstallUnits& request) {
  if (!SystemdRuns(context.tree)) return false;
  UnitNames names;
  for (const auto& unit : request.units()) *names.Add() = unit.name();
  const auto infos = ShowUnits(context, names);
  return std::any_of(infos.begin(), infos.end(),
                     [](const UnitInfo& info) { return info.needs_daemon_reload; });
}

}  // namespace

void DoInstallUnits(Context& context, const hv1::InstallUnits& request) {
  std::vector<std::string> records;
  std::vector<std::string> unit_paths;
  for (const auto& unit : request.units()) {
    CheckUnit(unit.name());
    unit_paths.push_back(UnitPath(unit.name()));
    records.push_back(UnitPath(unit.name()));
    records.push_back(WantsPath(unit.name()));
  }
  if (records.empty()) return;
  RecordPaths(context, records);

  MakeUnitDirs(context);
  const Fd unit_dir = context.tree.OpenDir(kUnitDir);
  const Fd wants_dir = context.tree.OpenDir(kWantsDir);
  RemoveTemporaries(context.session, unit_dir.get(), kUnitDir);
  RemoveTemporaries(context.session, wants_dir.get(), kWantsDir);
  UnitReload reload(&context);
  for (const auto& unit : request.units()) {
    context.call.CheckCancelled();
    const Entry file = context.tree.OpenEntry(UnitPath(unit.name()));
    reload.Expect();
    if (WriteFile(context.session, file, unit.content(), 0644, context.tree.root())) reload.Need();
    if (SetEnabled(context, unit.name(), unit.enabled())) reload.Need();
  }
  if (!reload.is_needed() && IsOutdated(context, request)) reload.Need();
  SyncDir(unit_dir.get(), kUnitDir);
  SyncDir(wants_dir.get(), kWantsDir);
  RestoreLabels(context, unit_paths);
  reload.Run();
}

}  // namespace dmgr::far
