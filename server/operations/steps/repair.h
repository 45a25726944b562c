// The steps that bring a host to what is recorded of it.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_REPAIR_H_
#define DMGR_SERVER_OPERATIONS_STEPS_REPAIR_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers their code.
void RegisterRepairRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_REPAIR_H_
