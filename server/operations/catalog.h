// The list of all operations.
#ifndef DMGR_SERVER_OPERATIONS_CATALOG_H_
#define DMGR_SERVER_OPERATIONS_CATALOG_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers the code of every kind of step. The resources outlive the registry.
void RegisterAll(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CATALOG_H_
