// Machines of a cluster that are given up for others, as a call names them.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_REPLACEMENTS_H_
#define DMGR_SERVER_OPERATIONS_CALLS_REPLACEMENTS_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/operations/calls/growth.h"
#include "server/operations/plan/left_out.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What is replaced, by whom. INVALID_ARGUMENT, of "replacements", unless it is something, each
// machine once, and by others.
absl::StatusOr<std::vector<Replaced>> ReadReplacements(
    const topology::Cluster& cluster,
    const google::protobuf::RepeatedPtrField<v1::Replacement>& replacements);

// The ids of the machines that are given up.
std::set<std::string> GivenUp(const std::vector<Replaced>& replaced);

// All that the cluster has on these machines.
std::vector<const topology::Instance*> InstancesOn(const topology::Cluster& cluster,
                                                   const std::set<std::string>& machines);

// Those that are given up are not behind: nothing of the cluster stays there.
LeftOut WithoutMachines(LeftOut left_out, const std::set<std::string>& machines);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_REPLACEMENTS_H_
