// The exporters that "monitored" asks for. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_MONITORED_H_
#define DMGR_SERVER_TOPOLOGY_MONITORED_H_

#include <map>
#include <vector>

#include "server/topology/draft.h"
#include "server/topology/machine_index.h"
#include "server/topology/topology.h"

namespace dmgr::topology {

// How many servers of each section the topology itself lists; what comes behind is of "monitored".
using Listed = std::map<Component, int>;

// The topology of an input with the servers that "monitored" stands for behind those that it lists:
// one of each kind on every machine that has none. An addition brings them to the machines of its
// own servers; where the cluster had no "monitored" before, to all of its machines. A cluster whose
// configuration changes has those that it has, and where they are.
v1::Topology WithExporters(const ExpandInput& input, const MachineIndex& machines, Listed* listed);

// Takes the drafts out of *drafts that another cluster of the same user has, and puts them into
// cluster->borrowed.
void BorrowExporters(const std::vector<Occupied>& occupied, std::vector<Draft>* drafts,
                     Cluster* cluster, std::vector<Problem>* problems);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_MONITORED_H_
