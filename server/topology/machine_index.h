// Finds registered machines by what a topology calls them. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_MACHINE_INDEX_H_
#define DMGR_SERVER_TOPOLOGY_MACHINE_INDEX_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "server/topology/topology.h"

namespace dmgr::topology {

class MachineIndex {
 public:
  // machines must outlive the index.
  explicit MachineIndex(const std::vector<MachineRef>& machines);

  // address: host or machine id; ssh_port: 0 when any will do. nullptr, and why, when there is not
  // exactly one.
  const MachineRef* Find(const std::string& address, int ssh_port, std::string* why) const;

 private:
  std::unordered_map<std::string, std::vector<const MachineRef*>> by_host_;
  std::unordered_map<std::string, const MachineRef*> by_id_;
};

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_MACHINE_INDEX_H_
