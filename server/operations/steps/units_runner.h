// Base of the runners that start, stop and restart.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_UNITS_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_UNITS_RUNNER_H_

#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "server/engine/runner.h"
#include "server/operations/plan/units.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

using Instances = std::vector<const topology::Instance*>;
inline bool IsActive(const hv1::UnitState& unit) { return unit.active_state() == "active"; }

// The instances of the cluster that the step names.
absl::StatusOr<Instances> InstancesOf(const topology::Cluster& cluster,
                                      const engine::StepContext& context);

// What the step's machine had before the operation, as its survey has recorded.
absl::StatusOr<pv1::UnitsSeen> UnitsBefore(engine::StepContext& context);

// The instances among these that ran, or did not, before the operation.
absl::StatusOr<Instances> ThatWere(bool active, const Instances& instances,
                                   engine::StepContext& context);

// Commits that these are wanted to run, or not to; that their hosts start them at boot, or not.
engine::StepResult WantRunning(const engine::StepContext& context, const Instances& instances,
                               bool running);
engine::StepResult WantEnabled(const engine::StepContext& context, const Instances& instances,
                               bool enabled);
// Commits that of these is wanted what was before the operation.
absl::StatusOr<engine::StepResult> WantAsBefore(engine::StepContext& context,
                                                const Instances& instances);

// An error that names what these must not run for: "be upgraded offline".
absl::Status RequireInactive(engine::StepContext& context, const Instances& instances,
                             const std::string& otherwise);

// Base of steps that are about the instances that they name.
class ServiceRunner : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return kServiceDeadline; }

 protected:
  // Whether all units of the step are active, or none is.
  absl::StatusOr<bool> AllAre(bool active, engine::StepContext& context) const;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_UNITS_RUNNER_H_
