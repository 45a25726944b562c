// The fault points of dmgrd_faulty, the dmgrd of the fault campaign.
#ifndef DMGR_SERVER_FAULT_POINTS_H_
#define DMGR_SERVER_FAULT_POINTS_H_

#include "server/engine/fault.h"

namespace dmgr {

// By the environment: DMGR_FAULT="MOMENT STEP ACTION", once in a process. MOMENT: claimed,
// before_effect, after_effect, committed. STEP: a step's id, or "*" for the first that comes.
// ACTION: kill (SIGKILL to itself), pause (SIGSTOP to itself), fail (the step's error). Without the
// variable nothing ever fails; a malformed one ends the process.
engine::FaultHook FaultHookOfEnvironment();

}  // namespace dmgr

#endif  // DMGR_SERVER_FAULT_POINTS_H_
