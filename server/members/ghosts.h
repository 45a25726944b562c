// Members that DM has and the record does not. Pure.
#ifndef DMGR_SERVER_MEMBERS_GHOSTS_H_
#define DMGR_SERVER_MEMBERS_GHOSTS_H_

#include <string>
#include <vector>

#include "server/dm/client.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// What a removal or a join left half done, or what came back with a host that was given up.
struct Ghost {
  // kDmMaster or kDmWorker.
  topology::Component component = topology::Component::kDmMaster;
  // Empty of a dm-master that was added and has never joined.
  std::string name;
  // "host:port" as DM has it; of a dm-master without a name by its peers' port.
  std::string address;
  // DM's own word; "alive" or "not alive" of a dm-master.
  std::string stage;

  // "dm-worker worker-9 (10.0.0.9:8262, offline)".
  std::string Words() const;
  // Whether a process of it runs, as DM sees it.
  bool Runs() const { return stage != "offline" && stage != "not alive"; }
};

// In DM's order, dm-masters first.
std::vector<Ghost> GhostsOf(const topology::Cluster& cluster, const dm::Members& members);

// Why these cannot leave one after another, or empty: see QuorumProblem.
std::string GhostQuorumProblem(const std::vector<Ghost>& ghosts, const dm::Members& members);

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_GHOSTS_H_
