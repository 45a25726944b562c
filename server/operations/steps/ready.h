// Waiting until instances that were started are what they should be, and why they are not.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_READY_H_
#define DMGR_SERVER_OPERATIONS_STEPS_READY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/runner.h"
#include "server/operations/steps/new_logs.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Whether systemd may start a unit once more before the wait for it ends.
enum class FirstCrash { kIsForgiven, kEndsTheWait };

// What the host has told of a start that failed, with the reason that the instance's logs give. Any
// other error stays as it is. before: MarkLogs() right before the start.
absl::Status ExplainStart(engine::StepContext& context,
                          const std::vector<const topology::Instance*>& instances,
                          const LogMarks& before, const absl::Status& told);

// Waits until the instances are ready, which is more than running: see MemberProblem. Says in the
// operation's log what it waits for. Ends early where waiting does not help: a unit crashes again
// and again, or with a reason that will be the same next time; a health page refuses.
absl::Status AwaitReady(engine::StepContext& context, const topology::Cluster& cluster,
                        const std::vector<const topology::Instance*>& instances,
                        const LogMarks& before, FirstCrash first_crash);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_READY_H_
