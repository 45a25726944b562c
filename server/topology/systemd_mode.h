// Clusters whose units are those of their user's own systemd. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_SYSTEMD_MODE_H_
#define DMGR_SERVER_TOPOLOGY_SYSTEMD_MODE_H_

#include <string>
#include <vector>

#include "server/topology/draft.h"
#include "server/topology/topology.h"

namespace dmgr::topology {

// What global says of it, and what does not go with that.
void CheckSystemdMode(const v1::GlobalOptions& global, std::vector<Problem>* problems);

// A machine without root takes clusters of its login, by their user's systemd; one with root takes
// the others.
void CheckMachineMode(const Cluster& cluster, const MachineRef& machine, const std::string& field,
                      std::vector<Problem>* problems);

// What an instance asks for that root alone can give.
void CheckWithoutRoot(const Draft& draft, std::vector<Problem>* problems);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_SYSTEMD_MODE_H_
