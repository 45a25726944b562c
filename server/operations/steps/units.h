// Starting and stopping instances on the host of a step.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/engine/runner.h"
#include "server/operations/steps/ready.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// Longer than TimeoutStopSec of the units, after which systemd kills.
inline constexpr absl::Duration kStopTimeout = absl::Seconds(100);

// Time for a step that starts or stops.
inline constexpr absl::Duration kServiceDeadline = absl::Minutes(4);

// What systemd says of the instances' units, in their order.
absl::StatusOr<std::vector<hv1::UnitState>> UnitStates(
    engine::StepContext& context, const std::vector<const topology::Instance*>& instances);

// Starts units and waits until the instances are ready, which is more than running: see
// MemberProblem. Ends early where waiting does not help; see AwaitReady.
absl::Status StartInstances(engine::StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            FirstCrash first_crash = FirstCrash::kIsForgiven);

// The same with a new process for those that run; idle dm-workers are ended as by EndIdleWorkers.
absl::Status RestartInstances(engine::StepContext& context, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances);

// Returns when none of their processes is left.
absl::Status StopInstances(engine::StepContext& context,
                           const std::vector<const topology::Instance*>& instances);

// Tells them to stop, and does not wait for it.
absl::Status TellInstancesToStop(engine::StepContext& context,
                                 const std::vector<const topology::Instance*>& instances);

// As StopInstances, but what has not ended within `patience`, which may be none, is killed. Only
// for processes of which nobody needs more than their end.
absl::Status EndInstances(engine::StepContext& context,
                          const std::vector<const topology::Instance*>& instances,
                          absl::Duration patience);

// Ends the dm-workers among the instances that carry no source by the member list; the others are
// left alone, and all of them when DM does not answer. A dm-worker that is asked to stop soon after
// DM's leader changed stays as a mere process for up to 10 s: it is killed once DM has it offline.
absl::Status EndIdleWorkers(engine::StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_
