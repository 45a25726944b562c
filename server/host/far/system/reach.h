// Whether other hosts can be reached over TCP.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_REACH_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_REACH_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Where a socket connects to, or what it is bound to.
class SocketAddress {
 public:
  explicit SocketAddress(const sockaddr_in& ipv4) : ipv4_(ipv4), is_ipv6_(false) {}
  explicit SocketAddress(const sockaddr_in6& ipv6) : ipv6_(ipv6), is_ipv6_(true) {}

  const sockaddr* data() const;
  socklen_t size() const { return is_ipv6_ ? sizeof(ipv6_) : sizeof(ipv4_); }
  int family() const { return is_ipv6_ ? AF_INET6 : AF_INET; }
  void SetPort(std::uint16_t port);
  bool IsLoopback() const;

 private:
  sockaddr_in ipv4_ = {};
  sockaddr_in6 ipv6_ = {};
  bool is_ipv6_;
};

// An IPv4 or IPv6 address without brackets, with port 0; nullopt for a name.
std::optional<SocketAddress> ParseAddress(const std::string& text);

// As the host itself resolves it, by getent; empty when it cannot, or not in time. nullopt when
// nobody can be asked.
std::optional<std::vector<SocketAddress>> ResolveName(Context& context, const std::string& name,
                                                      milliseconds timeout);

// What came of a connection, in the terms of errno: 0 for one that was made, ETIMEDOUT for one
// that nobody answered.
std::vector<int> TryConnections(const Call& call, const std::vector<SocketAddress>& addresses,
                                milliseconds timeout);

// Whether the host has an address, so that a program may listen on it.
bool CanListenOn(const std::string& address);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_REACH_H_
