#include "server/host/far/system/ports.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "server/host/far/system/files.h"
#include "server/host/far/system/processes.h"

namespace dmgr::far {
namespace {

using PortsByInode = std::map<unsigned long long, std::uint32_t>;

// One datagram of the kernel's answer to AddByDiag; false when it says that it cannot answer.
bool AddMessages(const char* data, std::size_t size, const std::set<std::uint32_t>& ports,
                 PortsByInode* found, bool* done) {
  auto left = static_cast<unsigned>(size);
  for (const auto* message = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(message, left);
       message = NLMSG_NEXT(message, left)) {
    const std::size_t bytes = NLMSG_PAYLOAD(message, 0);
    if (message->nlmsg_type == NLMSG_DONE) {
      *done = true;
      int error = 0;
      if (bytes >= sizeof(error)) std::memcpy(&error, NLMSG_DATA(message), sizeof(error));
      return error == 0;
    }
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || bytes < sizeof(inet_diag_msg)) return false;
    const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
    const std::uint32_t port = ntohs(socket->id.idiag_sport);
    if (ports.count(port) != 0) found->emplace(socket->idiag_inode, port);
  }
  return true;
}

// Asks for the listening TCP sockets of a family only: /proc/net/tcp walks the table of all
// connections, whose size goes with the host's memory. False when the kernel cannot answer
// (sock_diag(7)).
bool AddByDiag(std::uint8_t family, const std::set<std::uint32_t>& ports, PortsByInode* found) {
  const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  struct {
    nlmsghdr header = {};
    inet_diag_req_v2 wanted = {};
  } request;
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.wanted.sdiag_family = family;
  request.wanted.sdiag_protocol = IPPROTO_TCP;
  request.wanted.idiag_states = 1U << TCP_LISTEN;
  if (!fd.ok() || send(fd.get(), &request, sizeof(request), 0) != sizeof(request)) return false;
  alignas(nlmsghdr) char answer[32U << 10];
  for (bool done = false; !done;) {
    const ssize_t got = recv(fd.get(), answer, sizeof(answer), 0);
    if (got <= 0) return false;
    if (!AddMessages(answer, static_cast<std::size_t>(got), ports, found, &done)) return false;
  }
  return true;
}

// Lines of /proc/net/tcp: "sl: address:port remote:port state queues timer retransmits uid timeout
// inode ...", numbers in hex but for the last four.
void AddFromTable(const std::string& table, const std::set<std::uint32_t>& ports,
                  PortsByInode* found) {
  for (std::size_t at = table.find('\n'); at != std::string::npos && at + 1 < table.size();
       at = table.find('\n', at + 1)) {
    unsigned port = 0;
    unsigned state = 0;
    unsigned long long inode = 0;
    const int fields = std::sscanf(table.c_str() + at + 1,
                                   " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %llu", &port,
                                   &state, &inode);
    if (fields == 3 && state == TCP_LISTEN && ports.count(port) != 0) found->emplace(inode, port);
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
  if (!AddByDiag(AF_INET, ports, &sockets) || !AddByDiag(AF_INET6, ports, &sockets)) {
    AddFromTable(ReadProc("/proc/net/tcp"), ports, &sockets);
    AddFromTable(ReadProc("/proc/net/tcp6"), ports, &sockets);
  }
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
