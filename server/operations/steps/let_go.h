// DM lets members go. DM's own calls are not fenced: the claim is checked right before each, and
// the member list is what counts afterwards.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_LET_GO_H_
#define DMGR_SERVER_OPERATIONS_STEPS_LET_GO_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/dm/client.h"
#include "server/engine/runner.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Time for one question to DM; without a quorum there is no answer.
inline constexpr absl::Duration kAskTimeout = absl::Seconds(5);

// Longer than the lease of a leader that died: nobody answers until it ends.
inline constexpr absl::Duration kElectionTimeout = absl::Seconds(90);

// When the answer to a question of the step must be there, and whether the step is to end.
absl::Time AskUntil(const engine::StepContext& context);
dm::Cancelled CancelledBy(engine::StepContext& context);

// The member list, by the dm-masters of the cluster that are members.
absl::StatusOr<dm::Members> AskMembers(engine::StepContext& context,
                                       const topology::Cluster& cluster);

// The same; waits where DM elects a leader. DEADLINE_EXCEEDED, CLUSTER_NOT_READY.
absl::StatusOr<dm::Members> AwaitElected(engine::StepContext& context,
                                         const topology::Cluster& cluster);

// Removes dm-masters from the list, through those of `others`, until none of these names is there;
// the empty one stands for those without a name. DEADLINE_EXCEEDED, DM_STILL_LISTED.
absl::Status LetMastersGo(engine::StepContext& context, const topology::Cluster& others,
                          const std::vector<std::string>& names);

// The same for a dm-worker that was stopped, or is dead: waits until DM has noticed.
absl::Status LetWorkerGo(engine::StepContext& context, const topology::Cluster& cluster,
                         const std::string& name);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_LET_GO_H_
