// What an operation needs paths of a host to be like before it changes any of them. Pure.
#ifndef DMGR_SERVER_CLUSTERS_PATH_NEEDS_H_
#define DMGR_SERVER_CLUSTERS_PATH_NEEDS_H_

#include <set>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

struct PathNeeds {
  // Nothing is there: they are to be dmgr's alone, and go again with all that is in them.
  std::set<std::string> absent{};
  // Directories that are to get another name.
  std::set<std::string> movable{};
};

// The question whose answer PathConflicts reads.
hv1::Inspect InspectionOf(const PathNeeds& needs);

// What is in the way on a host, one sentence each.
std::vector<std::string> PathConflicts(const PathNeeds& needs, const hv1::InspectReply& seen);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_PATH_NEEDS_H_
