// The part of a plan by which dm-masters begin anew: their data goes, and they found a new DM
// together.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_FOUNDING_H_
#define DMGR_SERVER_OPERATIONS_PLAN_FOUNDING_H_

#include <string>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

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

// The cluster with these dm-masters as those that begin a new DM together: whoever has joined would
// find nobody to join. The others are to join them.
topology::Cluster AsFounded(topology::Cluster cluster, const std::vector<std::string>& founders);

// Appends the removal of what is in directories of instances that have ended; nothing that is
// removed comes back. Returns the ids that what follows must wait for, as the next one does.
std::vector<std::string> AddClean(engine::Plan* plan, const topology::Cluster& cluster,
                                  const std::vector<const topology::Instance*>& instances,
                                  const Clean& what, const std::vector<std::string>& before);

// Appends what makes these dm-masters the founders, unless they are.
std::vector<std::string> AddFounding(engine::Plan* plan, const topology::Cluster& cluster,
                                     const std::vector<const topology::Instance*>& founders,
                                     const std::vector<std::string>& before);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_FOUNDING_H_
