#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "server/host/far/actions.h"
#include "server/host/far/cluster_record.h"
#include "server/host/far/failure.h"
#include "server/host/far/files.h"
#include "server/host/far/names.h"
#include "server/host/far/selinux.h"
#include "server/host/far/unit_files.h"

namespace dmgr::far {
namespace {

// As systemctl enable makes it. False when it was there.
bool Enable(Context& context, const Entry& link, const std::string& unit_path) {
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

  const Fd unit_dir = MakeRootDir(context.tree, kUnitDir, 0755);
  const Fd wants_dir = MakeRootDir(context.tree, kWantsDir, 0755);
  RemoveTemporaries(context.session, unit_dir.get(), kUnitDir);
  RemoveTemporaries(context.session, wants_dir.get(), kWantsDir);
  UnitReload reload(&context);
  for (const auto& unit : request.units()) {
    context.call.CheckCancelled();
    const Entry file = context.tree.OpenEntry(UnitPath(unit.name()));
    const Entry link = context.tree.OpenEntry(WantsPath(unit.name()));
    reload.Expect();
    if (WriteFile(context.session, file, unit.content(), 0644, {})) reload.Need();
    if (unit.enabled() ? Enable(context, link, file.path) : RemoveFile(link)) reload.Need();
  }
  SyncDir(unit_dir.get(), kUnitDir);
  SyncDir(wants_dir.get(), kWantsDir);
  RestoreLabels(context, unit_paths);
  reload.Run();
}

}  // namespace dmgr::far
