// The kinds of steps that several operations have.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_

#include "dmgr/plan/v1/units.pb.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Every plan surveys first: what a rollback needs to know is recorded before anything is changed.

inline constexpr char kRegister[] = "control.register";
inline constexpr char kWorkspace[] = "control.workspace";
inline constexpr char kPrepare[] = "host.prepare";
inline constexpr char kRelease[] = "host.release";
inline constexpr char kInstall[] = "host.install";
inline constexpr char kSurveyUnits[] = "host.survey_units";
inline constexpr char kStart[] = "host.start";
inline constexpr char kStop[] = "host.stop";
inline constexpr char kStopToStart[] = "host.stop_to_start";
inline constexpr char kEvictMasters[] = "control.evict_masters";
inline constexpr char kTellStop[] = "host.tell_stop";
inline constexpr char kEnd[] = "host.end";
inline constexpr char kEndToStart[] = "host.end_to_start";
inline constexpr char kRecordState[] = "control.record_state";

// A machine's kSurveyUnits step is "{machine}/units".
inline constexpr char kUnitsStep[] = "units";

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
