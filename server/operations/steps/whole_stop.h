// The steps of a whole stop: see plan/whole_stop.h.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_
#define DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers them.
void RegisterWholeStopRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_
