// The builds of this program that dmgrd has put on the host, each in a folder named by its hash:
// {base}/{hash}/dmgr-host.
#ifndef DMGR_SERVER_HOST_FAR_STATE_OWN_PROGRAMS_H_
#define DMGR_SERVER_HOST_FAR_STATE_OWN_PROGRAMS_H_

#include <chrono>
#include <cstdint>

#include "server/host/far/base/paths.h"

namespace dmgr::far {

// Every build that was here, with the one that runs.
void RemovePrograms(const Tree& tree);

// This build is in use as of now. Removes those that were not for so long and that no process runs,
// with what is left of broken uploads, and returns how many. What else is in their folders stays,
// and so do they. What cannot be removed now is left to the next time.
std::uint32_t RemoveOldPrograms(const Tree& tree, std::chrono::hours unused);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_OWN_PROGRAMS_H_
