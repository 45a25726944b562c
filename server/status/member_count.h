// How many members of DM work.
#ifndef DMGR_SERVER_STATUS_MEMBER_COUNT_H_
#define DMGR_SERVER_STATUS_MEMBER_COUNT_H_

#include <map>
#include <string>

#include "server/members/source.h"
#include "server/topology/topology.h"

namespace dmgr::status {

struct MemberCount {
  // Of the record.
  int all = 0;
  // Of these, as DM says.
  int working = 0;
};

// By component ("dm-worker"). Asks the dm-masters, for three seconds at most: of a DM that does not
// answer nobody works, as far as anybody can say.
std::map<std::string, MemberCount> CountMembers(members::MemberSource* members,
                                                const topology::Cluster& cluster,
                                                const dm::Cancelled& cancelled);

// Of all components together.
MemberCount CountAllMembers(members::MemberSource* members, const topology::Cluster& cluster,
                            const dm::Cancelled& cancelled);

}  // namespace dmgr::status

#endif  // DMGR_SERVER_STATUS_MEMBER_COUNT_H_
