// Whether DM survives what a scale asks for, by its member list. Pure.
#ifndef DMGR_SERVER_MEMBERS_RULES_H_
#define DMGR_SERVER_MEMBERS_RULES_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/dm/client.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// Why no dm-master can join now, or empty: an unnamed or dead member, no leader, a member that the
// record does not know.
std::string JoinProblem(const topology::Cluster& cluster, const dm::Members& members);

// dm-masters in the order in which they leave best: dead ones, followers, the leader.
std::vector<const topology::Instance*> LeaveOrder(const std::vector<const topology::Instance*>& all,
                                                  const dm::Members& members);

// Puts the dm-masters after the others, in that order, and returns them.
std::vector<const topology::Instance*> OrderLeaving(
    const dm::Members& members, std::vector<const topology::Instance*>* leaving);

// The member list when these dm-masters have left.
dm::Members Without(dm::Members members, const std::vector<const topology::Instance*>& left);

// Why these cannot leave one after another, or empty: a majority must agree to each removal, and
// those that stay must be a majority by themselves. force: others may be dead.
std::string QuorumProblem(const std::vector<const topology::Instance*>& leaving,
                          const dm::Members& members, bool force);

// Why one of the leaving dm-workers cannot go without its source being stranded, or empty.
std::string SourceProblem(const std::vector<const topology::Instance*>& leaving,
                          const dm::Members& members);

// A worker that can take a source, not one of these; empty when there is none.
std::string FreeWorker(const std::vector<std::string>& leaving, const dm::Members& members);

// What to do where DM does not answer, or has no leader: wait while it elects one, or else what is
// given.
std::string UnlessElecting(std::string_view otherwise);

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_RULES_H_
