// Tasks while dm-workers are restarted: what of them stands still, and that it goes on.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TASKS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TASKS_H_

#include "absl/status/statusor.h"
#include "server/engine/runner.h"
#include "server/migrations/subtasks.h"
#include "server/operations/steps/turn.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What DM says of all tasks. Errors as of dm::MasterClient.
absl::StatusOr<migrations::SeenTasks> AskTasks(engine::StepContext& context,
                                               const topology::Cluster& cluster);

// The same; waits where DM elects a leader.
absl::StatusOr<migrations::SeenTasks> AwaitAnswer(engine::StepContext& context,
                                                  const topology::Cluster& cluster);

// Whether a dm-worker may be restarted: no task loads there, or that is accepted. Notes in the turn
// what will stand still. Where a load is accepted, DM need not answer. alive: gets what runs or is
// paused there, unless nullptr. FAILED_PRECONDITION, TASK_IS_LOADING.
absl::Status PrepareTasks(engine::StepContext& context, const Turn& turn,
                          migrations::SeenSubtasks* alive = nullptr);

// Waits until the turn's subtasks are as before; what somebody has taken from DM since is not
// missed. DEADLINE_EXCEEDED, TASKS_NOT_AS_BEFORE, says what is paused, and why.
absl::Status AwaitTasks(engine::StepContext& context, const Turn& turn);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TASKS_H_
