// The plan of a destroy: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_
#define DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_

#include <map>
#include <set>
#include <string>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kRemove[] = "host.remove";
inline constexpr char kErase[] = "control.erase";

struct Destroy {
  // What goes from each machine, in words. Only those with a record of what was there before: on
  // others nothing was ever changed.
  std::map<std::string, std::string> removals;
  // Those among them that cannot be reached: what is on them is remembered.
  std::set<std::string> lost;
  // Some of the warehouse may be nobody's then.
  bool has_patches = false;
};

// Stops and removes.
engine::Plan PlanDestroy(const topology::Cluster& cluster, const Destroy& destroy);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DESTROY_PLAN_H_
