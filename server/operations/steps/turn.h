// Taking the instances of a running cluster one after another. All of it goes by the member list:
// a process that answers proves nothing.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TURN_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TURN_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/plan/v1/turns.pb.h"
#include "server/engine/runner.h"
#include "server/operations/steps/turn_gate.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Time for a step that takes one instance, and puts it back when that fails.
inline constexpr absl::Duration kTurnDeadline = absl::Minutes(10);

// An instance that has its turn.
struct Turn {
  const topology::Cluster* cluster = nullptr;
  const topology::Instance* instance = nullptr;
  // Sources that were bound before the operation, and must be again before the next turn.
  std::vector<std::string> sources;
  // A dm-master is taken, too, when those that are left are no majority without it.
  bool spares_no_majority = false;
  // Subtasks that were alive before the operation, and must be as they were before the next turn.
  std::vector<pv1::SubtaskSeen> subtasks = {};
  // A dm-worker is taken although a task loads on it.
  bool accepts_load_restart = false;
  // Gets what stands still meanwhile; may be nullptr.
  pv1::TurnResult* paused = nullptr;
};

// Whether the instance is the dm-master that leads.
absl::StatusOr<bool> Leads(engine::StepContext& context, const Turn& turn);

// Whether a dm-worker may have its turn together with others: one that is bound is taken alone.
enum class Beside { kUnlessBound, kAlways };

// The dm-worker's place among those that have their turn, waited for; none when it must be taken
// alone.
absl::StatusOr<std::optional<TurnGate::Place>> AwaitPlace(engine::StepContext& context,
                                                          const Turn& turn, TurnGate* gate,
                                                          Beside beside);

// Waits until DM can do without the instance, makes another dm-master lead, does `restart`, and
// waits until the cluster is as whole as before, and its tasks are as they were. Errors also as of
// PrepareTasks and AwaitTasks.
absl::Status RestartInTurn(engine::StepContext& context, const Turn& turn,
                           const std::function<absl::Status()>& restart);

// Lets a dm-master run for the leadership again. Of no effect on one that was restarted since.
void AllowLead(engine::StepContext& context, const topology::Instance& instance);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TURN_H_
