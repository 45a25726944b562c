#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/unit_files.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {

void DoEnableUnits(Context& context, const hv1::EnableUnits& request) {
  std::vector<std::string> links;
  for (const auto& unit : request.units()) {
    CheckUnit(unit);
    links.push_back(WantsPath(unit));
    const auto file = context.tree.FindEntry(UnitPath(unit));
    if (!request.enabled() || (file.has_value() && file->Stat().has_value())) continue;
    throw Failed(hv1::Failure::KIND_NOT_FOUND, "there is no unit " + unit, UnitPath(unit));
  }
  if (links.empty()) return;
  RecordPaths(context, links);

  MakeUnitDirs(context);
  const Fd wants_dir = context.tree.OpenDir(kWantsDir);
  RemoveTemporaries(context.session, wants_dir.get(), kWantsDir);
  UnitReload reload(&context);
  for (const auto& unit : request.units()) {
    context.call.CheckCancelled();
    reload.Expect();
    if (SetEnabled(context, unit, request.enabled())) reload.Need();
  }
  SyncDir(wants_dir.get(), kWantsDir);
  reload.Run();
}

}  // namespace dmgr::far
