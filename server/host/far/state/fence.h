// The fence: at most one changing far end of a cluster on a host, and never an older one after a
// newer one. Its files are in /var/lib/dmgr/fence: {cluster} tells the newest far end,
// {cluster}.turn is locked while one begins, {cluster}.alive as long as one lives. They stay when
// the cluster leaves the host, as those of the newest 32 that have left.
#ifndef DMGR_SERVER_HOST_FAR_STATE_FENCE_H_
#define DMGR_SERVER_HOST_FAR_STATE_FENCE_H_

#include <cstdint>

#include "server/host/far/base/context.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {

// Ends the predecessor with all its children, and returns the lock that is held until the end.
// Throws STALE_EPOCH, PREDECESSOR_STUCK.
Fd TakeFence(Context& context, const hv1::Begin& begin);

// Removes the files of all but the newest clusters that have left the host and have no far end.
void ForgetOldFences(const Context& context);

// Of any cluster on this host; 0: none.
std::uint64_t HighestEpoch(const Tree& tree);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_FENCE_H_
