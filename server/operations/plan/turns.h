// The part of a plan that takes a running cluster's instances one after another.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dmgr/plan/v1/turns.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kSurveyMembers[] = "control.survey_members";

// The id of the kSurveyMembers step.
inline constexpr char kMembersStep[] = "members";

// DM wants its dm-masters to have the new version first. Otherwise dm-workers come first: one that
// is asked to stop within 10 s after DM's leader changed stays for the rest of them.
enum class DmOrder { kWorkersFirst, kMastersFirst };

// Sets the parameters of a step that takes `instance`: a message that has `turn` as AnyTurn has it,
// and more. May add to the title.
using DescribeTurn = std::function<void(const topology::Instance& instance,
                                        const pv1::TurnParams& turn, engine::Step* step)>;

struct TurnOptions {
  DmOrder order = DmOrder::kWorkersFirst;
  // Most dm-workers that have their turn at the same time; 0: all that carry nothing, but for one
  // that stays for the sources.
  std::uint32_t max_parallel = 0;
  // dm-masters were left out: another one may break the majority while it restarts.
  bool spares_no_majority = false;
  // dm-workers are taken although tasks load on them.
  bool accepts_load_restart = false;
  // Appends what the turns of dm-workers wait for besides, and returns its ids; may be empty.
  std::function<std::vector<std::string>(engine::Plan* plan)> before_workers;
  // Empty: the parameters are an AnyTurn.
  DescribeTurn describe;
};

// Appends the survey of the members unless the plan has it: who is bound to what, and which tasks
// are alive. Returns its id.
std::vector<std::string> AddMembersSurvey(engine::Plan* plan, std::vector<std::string> before);

// Appends the survey of the members (after `before`) unless the plan has it, and the steps of each
// instance: dm-masters one after another, the one that leads last; dm-workers that carry nothing
// together, those that are bound one after another when these are done; Prometheus, Alertmanager
// and Grafana beside them. Who leads and who is bound shows when the steps run. Returns the ids
// that what follows must wait for.
std::vector<std::string> AddTurns(engine::Plan* plan,
                                  const std::vector<const topology::Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before, const TurnOptions& options = {});

// The id of the first step of an instance's turn.
std::string TurnId(const topology::Instance& instance, const std::string& verb);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_TURNS_H_
