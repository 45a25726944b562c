// Which ports of other hosts the instances of a cluster connect to. Pure.
#ifndef DMGR_SERVER_CLUSTERS_REACH_H_
#define DMGR_SERVER_CLUSTERS_REACH_H_

#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

enum class Reach {
  kDm,   // What DM cannot work without.
  kAll,  // And what its monitoring connects to.
};

// The ports of instances on other machines that those instances connect to, and their own
// addresses, each once.
hv1::ReachPorts PortsToReach(const topology::Cluster& cluster,
                             const std::vector<const topology::Instance*>& from, Reach reach);

// A host that is not reached from another one, in one sentence: "cannot reach h2:8261, 8291 (no
// answer in 3 s)".
struct Unreached {
  // Of the target; empty when it is not known.
  std::string machine;
  std::string text;
};
// One for each host and reason. cluster: as of PortsToReach.
std::vector<Unreached> UnreachedOf(const topology::Cluster& cluster, const hv1::ReachPorts& asked,
                                   const hv1::ReachPortsReply& reply);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_REACH_H_
