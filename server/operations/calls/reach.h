// Leaving out hosts that do not answer, before an operation is accepted. Reads only.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_REACH_H_
#define DMGR_SERVER_OPERATIONS_CALLS_REACH_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/engine/plan.h"
#include "server/operations/calls/change.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// A machine that does not answer, as an operation has it.
v1::SkippedMachine Skipped(const std::string& machine, const absl::Status& why);

// The machines of these instances, each once.
std::vector<std::string> MachinesOf(const std::vector<const topology::Instance*>& instances);

// Asks the hosts of the subject's instances, and those that are behind. What does not answer is
// left out of the subject's instances; FAILED_PRECONDITION, HOSTS_UNREACHABLE, when the rules do
// not allow that, or none is left; DM_QUORUM, when those that are left are no majority that is
// needed.
absl::Status LeaveOutUnreachable(const Resources& resources, const HostRules& rules,
                                 Subject* subject);

// The cluster without what is left out.
topology::Cluster Reached(const Subject& subject);

// Whether a dm-master is left out.
bool LacksMaster(const Subject& subject);

// Puts in front of a plan what leaves hosts out, and what brings those to the record that were
// behind and answer again.
void AddHostSteps(const HostRules& rules, const Subject& subject, const LeftOut& left_out,
                  engine::Plan* plan);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_REACH_H_
