// The part of a plan that takes a running cluster's instances one after another.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kSurveyMembers[] = "control.survey_members";

// The id of the kSurveyMembers step.
inline constexpr char kMembersStep[] = "members";

// Of a step that takes one instance.
struct TurnParams {
  std::string instance;
  // A dm-master that leads when the step runs is left to the second step.
  bool may_defer = false;
  // This is the second step: it has something to do only when this one has deferred.
  std::string deferred_by;
};

struct TurnResult {
  // Nothing was done.
  bool deferred = false;
};

struct MembersSeen {
  // That are bound.
  std::vector<std::string> sources;
};

std::string ToJson(const TurnParams& params);
std::string ToJson(const TurnResult& result);
std::string ToJson(const MembersSeen& seen);
absl::Status FromJson(const std::string& json, TurnParams* params);

// Also of a step that has not ended.
absl::Status FromJson(const std::string& json, TurnResult* result);
absl::Status FromJson(const std::string& json, MembersSeen* seen);

// Whether Prometheus, Alertmanager and Grafana wait for DM's processes to have had their turns.
enum class MonitoringOrder { kAfterDm, kBesideDm };

// Appends the survey of the members (after `before`), and a step for each instance. Returns the ids
// that what follows must wait for.
std::vector<std::string> AddTurns(engine::Plan* plan,
                                  const std::vector<const topology::Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before,
                                  MonitoringOrder order = MonitoringOrder::kAfterDm);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
