// The fence: at most one changing far end of a cluster on a host, and never an older one after a
// newer one. Its files in /var/lib/dmgr/fence stay for ever: {cluster} tells the newest far end,
// {cluster}.turn is locked while one begins, {cluster}.alive as long as one lives.
#ifndef DMGR_SERVER_HOST_FAR_STATE_FENCE_H_
#define DMGR_SERVER_HOST_FAR_STATE_FENCE_H_

#include <cstdint>

#include "server/host/far/base/context.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {

// Ends the predecessor with all its children, and returns the lock that is held until the end.
// Throws STALE_EPOCH, PREDECESSOR_STUCK.
Fd TakeFence(Context& context, const hv1::Begin& begin);

// Of any cluster on this host; 0: none.
std::uint64_t HighestEpoch(const Tree& tree);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_FENCE_H_
