// The name of an executor in its leases, by which the next process on the same machine can see that
// it has ended.
#ifndef DMGR_SERVER_ENGINE_OWNER_H_
#define DMGR_SERVER_ENGINE_OWNER_H_

#include <string>

namespace dmgr::engine {

// Names an executor of this process: host, boot, pid namespace, pid, start time and a random part,
// so no two are the same, ever.
std::string NewOwner();

// True when the owner was a process of this boot of this machine and of this pid namespace and has
// ended: nobody else can be sure of that. False for all that it cannot tell.
bool HasEnded(const std::string& owner);

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_OWNER_H_
