// Processes that read their configuration again without a restart.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_HUP_H_
#define DMGR_SERVER_OPERATIONS_STEPS_HUP_H_

#include "absl/status/status.h"
#include "server/engine/runner.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Sends a HUP to a Prometheus or Alertmanager of the step's machine, and waits until it says that
// it has taken its new configuration. FAILED_PRECONDITION when it says that it has refused it.
absl::Status HupInstance(engine::StepContext& context, const topology::Instance& instance);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_HUP_H_
