// What is mounted where on this machine.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_MOUNTS_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_MOUNTS_H_

#include <set>
#include <string>

namespace dmgr::far {

// By their real paths. With those of the same file system, as of a bind, which no device tells.
std::set<std::string> MountPoints();

// The real path of an open directory; empty when the kernel does not tell.
std::string RealPath(int dir);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_MOUNTS_H_
