// What of a user's home is not dmgr's.
#ifndef DMGR_SERVER_HOST_FAR_STATE_HOME_H_
#define DMGR_SERVER_HOST_FAR_STATE_HOME_H_

#include <string>
#include <vector>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Paths in a home that neither dmgr nor useradd put there, at most some ten of them: all that is
// not as in /etc/skel, once dmgr's own is gone. No link is followed.
std::vector<std::string> OthersInHome(Context& context, const std::string& home);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_HOME_H_
