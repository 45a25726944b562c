// The plan of a clean: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_
#define DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_

#include <string>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kCheckStopped[] = "host.check_stopped";
inline constexpr char kClean[] = "host.clean";
inline constexpr char kFound[] = "host.found";
inline constexpr char kRecordFounders[] = "control.record_founders";

// What is removed of instances.
struct Clean {
  bool logs = false;
  bool data = false;
};

// The directories of an instance that are emptied.
std::vector<std::string> DirsToClean(const topology::Instance& instance, const Clean& what);

// The instances that must not run: those that are cleaned, and all of DM when it is to begin anew.
std::vector<const topology::Instance*> MustBeStopped(
    const topology::Cluster& cluster, const std::vector<const topology::Instance*>& instances,
    const Clean& what);

// The cluster with all its dm-masters as those that begin a new DM together: whoever has joined
// would find nobody to join.
topology::Cluster AsFounded(topology::Cluster cluster);

// Every host is looked at before anything is removed anywhere; nothing that is removed comes back.
engine::Plan PlanClean(const topology::Cluster& cluster,
                       const std::vector<const topology::Instance*>& instances, const Clean& what);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CLEAN_PLAN_H_
