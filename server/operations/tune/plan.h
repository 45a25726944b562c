// The plan of a tuning: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_TUNE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_TUNE_PLAN_H_

#include <map>
#include <string>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kSurveyTuning[] = "host.survey_tuning";
inline constexpr char kTune[] = "host.tune";

// A machine's kSurveyTuning step is "{machine}/tuning".
inline constexpr char kTuningStep[] = "tuning";

// Machine -> names of check::Tunables, in the order in which they are set.
using Wanting = std::map<std::string, std::vector<std::string>>;

// On each machine a look at what is set, then the setting.
engine::Plan PlanTune(const topology::Cluster& cluster, const Wanting& wanting);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TUNE_PLAN_H_
