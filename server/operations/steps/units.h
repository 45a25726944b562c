// Starting and stopping instances on the host of a step.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/engine/runner.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// Longer than TimeoutStopSec of the units, after which systemd kills.
inline constexpr absl::Duration kStopTimeout = absl::Seconds(100);

// For a step that starts or stops.
inline constexpr absl::Duration kServiceDeadline = absl::Minutes(4);
absl::StatusOr<std::vector<hv1::UnitState>> UnitStates(
    engine::StepContext& context, const std::vector<const topology::Instance*>& instances);

// Starts units and waits until the instances are ready, which is more than running: see
// MemberProblem. Ends early when a unit crashes again and again, with its last log lines.
absl::Status StartInstances(engine::StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances);

// The same with a new process for those that run.
absl::Status RestartInstances(engine::StepContext& context, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances);

// Returns when none of their processes is left.
absl::Status StopInstances(engine::StepContext& context,
                           const std::vector<const topology::Instance*>& instances);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_UNITS_H_
