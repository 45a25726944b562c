// systemd, through systemctl.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_SYSTEMD_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_SYSTEMD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "server/host/far/base/context.h"

namespace dmgr::far {

inline constexpr char kUnitDir[] = "/etc/systemd/system";
inline constexpr char kWantsDir[] = "/etc/systemd/system/multi-user.target.wants";

using UnitNames = google::protobuf::RepeatedPtrField<std::string>;

// systemd is PID 1; without root: the login's own instance runs.
bool SystemdRuns(const Tree& tree);

struct UnitInfo {
  std::string name;
  std::string load_state;
  std::string active_state;
  std::string sub_state;
  std::string file_state;
  std::string cgroup;
  // A job of it is queued or runs.
  bool has_job = false;
  std::uint32_t restarts = 0;
  std::uint32_t main_pid = 0;
  // Microseconds of CLOCK_MONOTONIC.
  std::uint64_t main_started = 0;
  int exit_status = 0;
  std::vector<std::string> drop_ins;
  bool needs_daemon_reload = false;

  bool IsLoaded() const { return !load_state.empty() && load_state != "not-found"; }
  bool IsDown() const { return active_state == "inactive" || active_state == "failed"; }
};
// As asked, same order, by one call of systemctl.
std::vector<UnitInfo> ShowUnits(Context& context, const UnitNames& units);

// Cancels what is queued for these units, and waits until nothing is. Throws DEADLINE.
void CancelJobs(Context& context, const UnitNames& units);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_SYSTEMD_H_
