// The part of a plan that brings hosts to what is recorded of them.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_
#define DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/repair.pb.h"
#include "dmgr/v1/difference.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kRepairLook[] = "host.repair_look";
inline constexpr char kRepairPlace[] = "host.repair_place";
inline constexpr char kRepairStop[] = "host.repair_stop";
inline constexpr char kRepairStart[] = "host.repair_start";
inline constexpr char kRepairTurn[] = "host.repair_turn";
inline constexpr char kRepairRest[] = "host.repair_rest";
inline constexpr char kRepairDrop[] = "host.repair_drop";
inline constexpr char kRecordRepaired[] = "control.record_repaired";

// A machine's kRepairLook step is "{machine}/look".
inline constexpr char kLookStep[] = "repair/look";

struct Repair {
  // Brought to the record as a whole: all of their instances have steps.
  std::vector<std::string> machines;
  // Only files, programs and units: what comes after it stops the processes.
  bool leaves_processes = false;
  // Others were left out: dm-masters that are no majority without one of them are restarted, too.
  bool spares_no_majority = false;
  // See TurnOptions.
  bool accepts_load_restart = false;
  // What was seen to differ. Of other machines than those above, what a repair mends of it is all
  // that has steps.
  std::vector<v1::Difference> differences = {};
  // Of instances on `machines`.
  std::vector<pv1::OwedRestart> owed = {};
};

// Each machine is looked at; what is not as it should be is put right; what must not run is
// stopped, what must is started in waves; whatever ran with other files is restarted, dm-masters
// and then the others one after another. A machine that is not repaired as a whole is looked after
// once more: what has come to differ there since is put right, too. In the end the machines are not
// behind any more. A rollback leaves all of it. cluster: of it the members only; what of it is
// wanted is what counts. Returns the steps, which are about nobody else's, in their order; the last
// one is kRecordRepaired, and has the differences that none of the others puts right.
std::vector<engine::Step> RepairSteps(const topology::Cluster& cluster, const Repair& repair);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_REPAIR_H_
