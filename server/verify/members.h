// DM's member list against the record. Pure.
#ifndef DMGR_SERVER_VERIFY_MEMBERS_H_
#define DMGR_SERVER_VERIFY_MEMBERS_H_

#include "absl/status/statusor.h"
#include "server/dm/client.h"
#include "server/topology/topology.h"
#include "server/verify/findings.h"

namespace dmgr::verify {

// members: what DM says, or why it says nothing; read only when a dm-master is to run.
void CompareMembers(const topology::Cluster& cluster, const absl::StatusOr<dm::Members>& members,
                    Findings* findings);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_MEMBERS_H_
