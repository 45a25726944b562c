// What operations that did not come to their end have left on hosts.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_HALF_DONE_H_
#define DMGR_SERVER_OPERATIONS_CALLS_HALF_DONE_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/plan/v1/repair.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

struct HalfDone {
  // On which something was begun and not undone, and that no repair has been through since: there
  // may be more left than a look from outside shows.
  std::set<std::string> machines;
  // Instances there whose files a repair has put right, and whose restart it did not come to.
  std::vector<pv1::OwedRestart> owed;
};

// By the operations of this cluster that failed or were cancelled, whether they hold it, were
// abandoned or superseded. Those that only start and stop count while they hold it: what they leave
// shows.
absl::StatusOr<HalfDone> FindHalfDone(const Resources& resources,
                                      const store::ClusterRecord& record);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_HALF_DONE_H_
