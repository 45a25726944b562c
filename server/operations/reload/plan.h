// The plan of a reload: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_RELOAD_PLAN_H_
#define DMGR_SERVER_OPERATIONS_RELOAD_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dmgr/plan/v1/reload.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Names of the runners.
inline constexpr char kSurveyFiles[] = "host.survey_files";
inline constexpr char kCheckFiles[] = "host.check_files";
inline constexpr char kReload[] = "host.reload";
inline constexpr char kReloadStopped[] = "host.reload_stopped";
inline constexpr char kRecordConfig[] = "control.record_config";

// A machine's kSurveyFiles step is "{machine}/files".
inline constexpr char kFilesStep[] = "files";

struct Reload {
  // The instances that were asked for, also those on hosts that are left out.
  std::vector<const topology::Instance*> selected;
  // The ones of them whose files differ from what is on their hosts.
  std::vector<const topology::Instance*> differing;
  // The cluster is up: each process that is to read its files anew is taken in its turn.
  bool running = true;
  // ConfigEtag of what the plan was made from.
  std::string etag;
  // See TurnOptions.
  std::uint32_t max_parallel = 0;
  bool spares_no_majority = false;
  bool accepts_load_restart = false;
};

// Records what is there, has new files checked beside the old ones, then takes one instance after
// another; all of that can be undone. Last it records what the hosts have.
engine::Plan PlanReload(const topology::Cluster& cluster, const Reload& reload);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RELOAD_PLAN_H_
