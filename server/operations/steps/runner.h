// Registers the code of every kind of step.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_

#include <memory>

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// survey, workspace, prepare, release, install.
void RegisterDeployRunners(const Services* services, engine::Registry* registry);
// start, stop, record_state.
void RegisterServiceRunners(const Services* services, engine::Registry* registry);
// survey_members and the restarts one after another.
void RegisterRollingRunners(const Services* services, engine::Registry* registry);
// Those of an upgrade.
void RegisterUpgradeRunners(const Services* services, engine::Registry* registry);
// Those of patches.
void RegisterPatchRunners(const Services* services, engine::Registry* registry);
// enable, disable.
void RegisterEnableRunners(const Services* services, engine::Registry* registry);
// remove, erase.
void RegisterDestroyRunners(const Services* services, engine::Registry* registry);
// Those of a reload.
void RegisterReloadRunners(const Services* services, engine::Registry* registry);
// The steps of scale-out and scale-in that no other operation has.
void RegisterScaleRunners(const Services* services, engine::Registry* registry);

// For the engine: the host sessions of one operation.
engine::ScopeFactory MakeScopeFactory(const Services* services);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
