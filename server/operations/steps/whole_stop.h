// The steps of a whole stop: see plan/whole_stop.h.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_
#define DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_

#include <vector>

#include "absl/status/status.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Waits until instances have ended when all of the cluster's dm-masters are to: the last of them is
// waited for in vain, and killed.
absl::Status EndWhole(engine::StepContext& context,
                      const std::vector<const topology::Instance*>& instances);

// Registers them.
void RegisterWholeStopRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_WHOLE_STOP_H_
