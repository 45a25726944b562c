// Private to this room. What others use by now of what was left on a host. Pure.
#ifndef DMGR_SERVER_LEFTOVERS_IN_USE_H_
#define DMGR_SERVER_LEFTOVERS_IN_USE_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/removal.pb.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"

namespace dmgr::leftovers {

namespace pv1 = ::dmgr::plan::v1;

// What is removed of a leftover, and what is not, with the reason.
struct Cleaning {
  pv1::HostRemoval removal;
  std::vector<std::string> kept;
};

// clusters: all that there are; machine_ids: those that are the same host. Units and directories of
// an instance that is there now are not touched, nor releases or account of a cluster that is there
// again.
Cleaning CleaningOf(const store::LeftoverRecord& leftover,
                    const std::vector<store::ClusterRecord>& clusters,
                    const std::vector<std::string>& machine_ids);

}  // namespace dmgr::leftovers

#endif  // DMGR_SERVER_LEFTOVERS_IN_USE_H_
