// The steps by which a new DM gets what another one kept: see plan/carry_over.h. A rollback leaves
// what they did: it ends with the new DM.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_CARRY_OVER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_CARRY_OVER_H_

#include "absl/status/statusor.h"
#include "dm/copy.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// The copy that the step is about.
absl::StatusOr<dm::KeysCopy> KeptCopy(const Resources& resources, engine::StepContext& context);

// Registers their code.
void RegisterCarryOverRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_CARRY_OVER_H_
