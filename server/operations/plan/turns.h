// The part of a plan that takes a running cluster's instances one after another.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_

#include <cstdint>
#include <functional>
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
  // A dm-master that leads, or a dm-worker that is bound, when the step runs is left to the second
  // step.
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

// DM wants its dm-masters to have the new version first. Otherwise dm-workers come first: one that
// is asked to stop within 10 s after DM's leader changed stays for the rest of them.
enum class DmOrder { kWorkersFirst, kMastersFirst };

struct TurnOptions {
  DmOrder order = DmOrder::kWorkersFirst;
  // Most dm-workers that have their turn at the same time; 0: all that carry nothing, but for one
  // that stays for the sources.
  std::uint32_t max_parallel = 0;
  // Appends what the turns of dm-workers wait for besides, and returns its ids; may be empty.
  std::function<std::vector<std::string>(engine::Plan* plan)> before_workers;
};

// Appends the survey of the members (after `before`), and the steps of each instance: dm-masters
// one after another, the one that leads last; dm-workers that carry nothing together, those that
// are bound one after another when these are done; Prometheus, Alertmanager and Grafana beside
// them. Who leads and who is bound shows when the steps run. Returns the ids that what follows must
// wait for.
std::vector<std::string> AddTurns(engine::Plan* plan,
                                  const std::vector<const topology::Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before, const TurnOptions& options = {});

// The id of the first step of an instance's turn.
std::string TurnId(const topology::Instance& instance, const std::string& verb);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
