#include <sys/stat.h>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/clock.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

bool Exists(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  return entry.has_value() && entry->Stat().has_value();
}

std::uint64_t UptimeMs(const UnitInfo& info) {
  if (info.main_pid == 0 || info.main_started == 0) return 0;
  const std::uint64_t now_us = MicrosecondsOf(CLOCK_MONOTONIC);
  return now_us < info.main_started ? 0 : (now_us - info.main_started) / 1000;
}

}  // namespace

hv1::UnitStates DoQueryUnits(Context& context, const hv1::QueryUnits& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  hv1::UnitStates states;
  const bool runs = SystemdRuns(context.tree);
  std::vector<UnitInfo> infos(static_cast<std::size_t>(request.units_size()));
  if (runs) infos = ShowUnits(context, request.units());
  for (int i = 0; i < request.units_size(); ++i) {
    const std::string& unit = request.units(i);
    const UnitInfo& info = infos[static_cast<std::size_t>(i)];
    hv1::UnitState& state = *states.add_units();
    state.set_unit(unit);
    state.set_active_state(runs ? CleanText(info.active_state) : "unknown");
    state.set_sub_state(CleanText(info.sub_state));
    // systemd knows nothing of files that came after its last daemon-reload.
    state.set_loaded(info.IsLoaded() || Exists(context.tree, std::string(kUnitDir) + "/" + unit));
    state.set_enabled(info.file_state == "enabled" ||
                      Exists(context.tree, std::string(kWantsDir) + "/" + unit));
    state.set_restarts(info.restarts);
    state.set_main_pid(info.main_pid);
    state.set_uptime_ms(UptimeMs(info));
    state.set_exit_status(info.exit_status);
    for (const auto& path : info.drop_ins) state.add_drop_ins(CleanText(path));
    state.set_needs_daemon_reload(info.needs_daemon_reload);
  }
  return states;
}

}  // namespace dmgr::far
