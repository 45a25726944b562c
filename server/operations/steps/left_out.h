// The step that leaves hosts out.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_LEFT_OUT_H_
#define DMGR_SERVER_OPERATIONS_STEPS_LEFT_OUT_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers its code.
void RegisterLeftOutRunner(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_LEFT_OUT_H_
