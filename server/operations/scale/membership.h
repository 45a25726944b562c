// Joining DM and leaving it. DM's own calls are not fenced: the claim is checked right before each,
// and the member list is what counts afterwards.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_MEMBERSHIP_H_
#define DMGR_SERVER_OPERATIONS_SCALE_MEMBERSHIP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dmgr/plan/v1/turns.pb.h"
#include "server/engine/runner.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Time for a step that joins or leaves.
inline constexpr absl::Duration kMembershipDeadline = absl::Minutes(5);

// Starts a dm-master that joins the members of the cluster, until they list it alive. What an
// earlier try left is cleaned up first, and what this one leaves when it fails.
absl::Status JoinMaster(engine::StepContext& context, const topology::Cluster& cluster,
                        const topology::Instance& master);

// Whether DM, as it is now, survives that these dm-masters leave in this order; those that have
// left already do not count. FAILED_PRECONDITION, DM_QUORUM, when it does not. force: others may be
// dead.
absl::Status CheckQuorum(engine::StepContext& context, const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& leaving, bool force);

// Takes a dm-master out of the member list while it runs, through the others; it gives up the
// leadership before. OK when it is not listed.
absl::Status LeaveMaster(engine::StepContext& context, const topology::Cluster& cluster,
                         const topology::Instance& master);

struct Vacating {
  // No source moves to these.
  std::vector<std::string> leaving;
  // Of Turn.
  bool accepts_load_restart = false;
  // What of tasks was alive on it before: an earlier attempt may have moved its source, and then
  // been killed.
  std::vector<pv1::SubtaskSeen> before = {};
  pv1::TurnResult* paused = nullptr;
};
// Moves the source of a dm-worker, with its tasks, to a free one, unless it has none, and waits
// until the tasks are as they were. Errors also as of PrepareTasks and AwaitTasks.
absl::Status VacateWorker(engine::StepContext& context, const topology::Cluster& cluster,
                          const topology::Instance& worker, const Vacating& vacating);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_MEMBERSHIP_H_
