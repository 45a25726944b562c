#include "server/topology/machine_index.h"

#include <fmt/format.h>

namespace dmgr::topology {

MachineIndex::MachineIndex(const std::vector<MachineRef>& machines) {
  for (const MachineRef& machine : machines) {
    by_host_[machine.host].push_back(&machine);
    by_id_.emplace(machine.machine_id, &machine);
  }
}

const MachineRef* MachineIndex::Find(const std::string& address, int ssh_port,
                                     std::string* why) const {
  std::vector<std::string> ports;
  std::vector<const MachineRef*> found;
  if (const auto it = by_host_.find(address); it != by_host_.end()) {
    for (const MachineRef* machine : it->second) {
      ports.push_back(std::to_string(machine->ssh_port));
      if (ssh_port == 0 || machine->ssh_port == ssh_port) found.push_back(machine);
    }
  }
  if (found.size() == 1) return found.front();
  if (const auto it = by_id_.find(address); it != by_id_.end()) return it->second;
  if (found.size() > 1) {
    *why = fmt::format("{} machines have the host {}, with the SSH ports {}: choose by ssh_port",
                       found.size(), address, fmt::join(ports, ", "));
  } else if (!ports.empty()) {
    *why = fmt::format("no machine has the host {} and the SSH port {}; registered with port {}",
                       address, ssh_port, fmt::join(ports, ", "));
  } else {
    *why = fmt::format("{}{}", address, kNotRegistered);
  }
  return nullptr;
}

}  // namespace dmgr::topology
