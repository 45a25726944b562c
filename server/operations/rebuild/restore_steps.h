// The steps that only a restore has. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_REBUILD_RESTORE_STEPS_H_
#define DMGR_SERVER_OPERATIONS_REBUILD_RESTORE_STEPS_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

void RegisterRestoreRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_REBUILD_RESTORE_STEPS_H_
