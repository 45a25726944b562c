// Processes of this host, from /proc.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_PROCESSES_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dmgr::far {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = 0;
  // Clock ticks since the boot; with the pid it tells processes apart.
  std::uint64_t start_time = 0;
  std::string name;
};

// The kernel's id of this boot.
std::string BootId();

// pid 0: there is none.
Process FindProcess(pid_t pid);
std::vector<Process> AllProcesses();
// Still there, other than as a zombie none of whose threads runs.
bool IsAlive(pid_t pid, std::uint64_t start_time);
// Of its program, also when that was deleted since; empty when it cannot be told.
std::string ProgramPath(pid_t pid);
// The file's name alone.
std::string ProgramName(pid_t pid);
// systemd's name of the service that it belongs to, or empty.
std::string UnitOf(pid_t pid);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_PROCESSES_H_
