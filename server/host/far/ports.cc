#include "server/host/far/ports.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "server/host/far/files.h"
#include "server/host/far/processes.h"

namespace dmgr::far {
namespace {

using PortsByInode = std::map<unsigned long long, std::uint32_t>;

constexpr unsigned kListen = 0x0A;

// Lines of /proc/net/tcp: "sl: address:port remote:port state queues timer retransmits uid timeout
// inode ...", numbers in hex but for the last four.
void AddListeners(const std::string& table, const std::set<std::uint32_t>& ports,
                  PortsByInode* found) {
  for (std::size_t at = table.find('\n'); at != std::string::npos && at + 1 < table.size();
       at = table.find('\n', at + 1)) {
    unsigned port = 0;
    unsigned state = 0;
    unsigned long long inode = 0;
    const int fields = std::sscanf(table.c_str() + at + 1,
                                   " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %llu", &port,
                                   &state, &inode);
    if (fields == 3 && state == kListen && ports.count(port) != 0) found->emplace(inode, port);
  }
}

// Inodes of the sockets that a process has open.
void AddOwner(pid_t pid, const PortsByInode& sockets, std::map<std::uint32_t, pid_t>* owners) {
  const std::string dir = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(dir.c_str()), closedir);
  if (stream == nullptr) return;
  while (const dirent* entry = readdir(stream.get())) {
    char target[64];
    const ssize_t size = readlinkat(dirfd(stream.get()), entry->d_name, target, sizeof(target) - 1);
    if (size <= 0) continue;
    target[size] = '\0';
    unsigned long long inode = 0;
    if (std::sscanf(target, "socket:[%llu]", &inode) != 1) continue;
    const auto socket = sockets.find(inode);
    if (socket != sockets.end()) owners->emplace(socket->second, pid);
  }
}

}  // namespace

std::vector<hv1::PortState> ListenersOf(const std::set<std::uint32_t>& ports) {
  std::vector<hv1::PortState> listeners;
  if (ports.empty()) return listeners;
  PortsByInode sockets;
  AddListeners(ReadProc("/proc/net/tcp"), ports, &sockets);
  AddListeners(ReadProc("/proc/net/tcp6"), ports, &sockets);
  if (sockets.empty()) return listeners;
  std::map<std::uint32_t, pid_t> owners;
  for (const auto& process : AllProcesses()) AddOwner(process.pid, sockets, &owners);
  std::set<std::uint32_t> taken;
  for (const auto& [inode, port] : sockets) taken.insert(port);
  for (const std::uint32_t port : taken) {
    hv1::PortState state;
    state.set_port(port);
    if (const auto owner = owners.find(port); owner != owners.end()) {
      const Process process = FindProcess(owner->second);
      state.set_listener(CleanText(process.name + " (" + std::to_string(owner->second) + ")"));
      state.set_unit(CleanText(UnitOf(owner->second)));
    }
    listeners.push_back(std::move(state));
  }
  return listeners;
}

}  // namespace dmgr::far
