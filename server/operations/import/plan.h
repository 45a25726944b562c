// The plans of an import, a takeover and a release: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_

#include <cstdint>

#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kLookAtForeign[] = "host.look_at_foreign";
inline constexpr char kCheckForeign[] = "control.check_foreign";
inline constexpr char kClaimForeign[] = "control.claim_foreign";
inline constexpr char kRecordForeign[] = "control.record_foreign";
inline constexpr char kForgetForeign[] = "control.forget_foreign";
inline constexpr char kSurveyTakeover[] = "host.survey_takeover";
inline constexpr char kTakeoverTree[] = "control.takeover_tree";
inline constexpr char kPrepareTakeover[] = "host.prepare_takeover";
inline constexpr char kSendTakeover[] = "host.send_takeover";
inline constexpr char kTakeOver[] = "host.take_over";
inline constexpr char kTakeOverStopped[] = "host.take_over_stopped";
inline constexpr char kRecordTakeover[] = "control.record_takeover";
inline constexpr char kLeaveToTiup[] = "host.leave_to_tiup";

// A machine's look is "{machine}/look".
inline constexpr char kForeignLookStep[] = "look";

// Every host and DM are looked at before anything but the name is recorded.
engine::Plan PlanImport(const topology::Cluster& cluster);

// How the instances of a cluster get dmgr's files.
struct Takeover {
  // One after another; else all of a machine at once, which do not run.
  bool running = false;
  std::uint32_t max_parallel = 0;
  bool accepts_load_restart = false;
};
// package: of the cluster's version.
engine::Plan PlanTakeover(const topology::Cluster& cluster, const v1::Package& package,
                          const Takeover& takeover);

// Nothing brings back what is forgotten; another import does. taken_over: dmgr leaves the hosts,
// too.
engine::Plan PlanRelease(const topology::Cluster& cluster, bool taken_over);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_PLAN_H_
