// The steps by which dm-masters begin anew, together, with nothing of what they kept.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_FOUNDING_H_
#define DMGR_SERVER_OPERATIONS_STEPS_FOUNDING_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers their code.
void RegisterFoundingRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_FOUNDING_H_
