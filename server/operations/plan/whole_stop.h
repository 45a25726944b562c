// The part of a plan that stops a cluster as a whole.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_WHOLE_STOP_H_
#define DMGR_SERVER_OPERATIONS_PLAN_WHOLE_STOP_H_

#include <string>
#include <vector>

#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What comes after a whole stop: when it is started again, that is no reason to stop it once more.
enum class AfterStop { kStaysStopped, kStartsAgain };

// Whether these are all of the cluster's dm-masters and dm-workers.
bool IsWhole(const topology::Cluster& cluster,
             const std::vector<const topology::Instance*>& instances);

// Appends: dm-workers stop, so that their last state reaches a dm-master; no dm-master leads any
// more, so that none leaves a leader's key; the rest is told to stop on all hosts, and only then is
// waited for. The last dm-master finds no majority to take its leave from, for 7 to 60 s: nothing
// can be written by then, so it is killed. Never for a part of the dm-masters. Returns the ids that
// what follows must wait for.
std::vector<std::string> AddWholeStop(engine::Plan* plan, const topology::Cluster& cluster,
                                      const std::vector<const topology::Instance*>& instances,
                                      AfterStop after, const std::vector<std::string>& before);

// The two halves of it, for what has something to do between them: the dm-workers, and the rest.
std::vector<std::string> AddWorkersStop(engine::Plan* plan, const topology::Cluster& cluster,
                                        const std::vector<const topology::Instance*>& instances,
                                        AfterStop after, const std::vector<std::string>& before);
std::vector<std::string> AddRestStop(engine::Plan* plan, const topology::Cluster& cluster,
                                     const std::vector<const topology::Instance*>& instances,
                                     AfterStop after, const std::vector<std::string>& before);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_WHOLE_STOP_H_
