// The plans of a restart: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_RESTART_PLAN_H_
#define DMGR_SERVER_OPERATIONS_RESTART_PLAN_H_

#include <cstdint>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kRestart[] = "host.restart";

// Turns, as AddTurns has them, each of which ends when the cluster is as whole as before.
// max_parallel, spares_no_majority, accepts_load_restart: of TurnOptions.
engine::Plan PlanRestart(const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& instances,
                         std::uint32_t max_parallel = 0, bool spares_no_majority = false,
                         bool accepts_load_restart = false);

// All stop, then all start.
engine::Plan PlanRestartAtOnce(const topology::Cluster& cluster,
                               const std::vector<const topology::Instance*>& instances);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_RESTART_PLAN_H_
