// Who listens on TCP ports of this host.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_PORTS_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_PORTS_H_

#include <set>
#include <vector>

#include "server/host/far/base/failure.h"

namespace dmgr::far {

// Those of the ports that somebody listens on, in order.
std::vector<hv1::PortState> ListenersOf(const std::set<std::uint32_t>& ports);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_PORTS_H_
