// What runs on one machine of a cluster, as a topology of another machine. Pure.
#ifndef DMGR_SERVER_TOPOLOGY_MOVED_H_
#define DMGR_SERVER_TOPOLOGY_MOVED_H_

#include <string>

#include "server/topology/topology.h"

namespace dmgr::topology {

// Where servers go.
struct NewPlace {
  // By which the other instances reach it.
  std::string host;
  // For SSH and HTTP from dmgrd; empty: host.
  std::string manage_host;
  int ssh_port = 22;
};

// The servers of a cluster's instances on a machine, in that place: all that they say, also what is
// not shown, but for their names, which stay with the old ones as long as these are there. An
// address of the old host that one listens on becomes the new host's. recorded: the topology that
// the cluster was made of.
v1::Topology MovedServers(const Cluster& cluster, const v1::Topology& recorded,
                          const std::string& machine_id, const NewPlace& place);

// Gives what runs on a machine another address, in the cluster and in the topology that it was made
// of. Names stay; the topology says them from now on, since an address does not any more. What
// listens on the former address listens on the new one.
void Readdress(const std::string& machine_id, const NewPlace& place, Cluster* cluster,
               v1::Topology* topology);

// A machine of which dmgrd reaches another address or SSH port from now on.
struct NewAccess {
  std::string machine_id;
  std::string former_host;
  std::string host;
  int ssh_port = 22;
};

// The same of what only dmgrd uses: by which address the others know the instances stays. Whether
// anything is another one by it.
bool ReachAt(const NewAccess& access, Cluster* cluster, v1::Topology* topology);

// The instance of `machine_id` whose place this new one takes; nullptr when there is none.
const Instance* OriginOf(const Cluster& cluster, const std::string& machine_id,
                         const Instance& moved);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_MOVED_H_
