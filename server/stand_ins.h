// The stand-ins of dmgrd_fleet, the dmgrd of tests/bench/fleet.sh.
#ifndef DMGR_SERVER_STAND_INS_H_
#define DMGR_SERVER_STAND_INS_H_

#include "absl/status/status.h"
#include "server/resources/resources.h"

namespace dmgr {

// Other ways to hosts and to DM than those over the network, for as long as the process lives, with
// the machines that they lead to. Called once, before anybody is served.
absl::Status PutStandIns(Resources* resources);

}  // namespace dmgr

#endif  // DMGR_SERVER_STAND_INS_H_
