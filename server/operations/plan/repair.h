// The part of a plan that brings hosts to what is recorded of them.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_
#define DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/repair.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kRepairLook[] = "host.repair_look";
inline constexpr char kRepairPlace[] = "host.repair_place";
inline constexpr char kRepairStop[] = "host.repair_stop";
inline constexpr char kRepairStart[] = "host.repair_start";
inline constexpr char kRepairTurn[] = "host.repair_turn";
inline constexpr char kRepairDrop[] = "host.repair_drop";
inline constexpr char kRecordRepaired[] = "control.record_repaired";

// A machine's kRepairLook step is "{machine}/look".
inline constexpr char kLookStep[] = "repair/look";

struct Repair {
  std::vector<std::string> machines;
  // Only files, programs and units: what comes after it stops the processes.
  bool leaves_processes = false;
  // Others were left out: dm-masters that are no majority without one of them are restarted, too.
  bool spares_no_majority = false;
};

// Each machine is looked at; what is not as it should be is put right; what must not run is
// stopped, what must is started in waves; whatever ran with other files is restarted, dm-masters
// and then the others one after another. In the end the machines are not behind any more. A
// rollback leaves all of it. cluster: of it the members only; what of it is wanted is what counts.
// Returns the steps, which are about nobody else's, in their order; the last one is
// kRecordRepaired.
std::vector<engine::Step> RepairSteps(const topology::Cluster& cluster, const Repair& repair);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_
