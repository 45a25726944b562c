#include "server/host/far/system/reach.h"

#include <arpa/inet.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {
namespace {

// Sockets that are open at once: a host may allow a program no more than 1024.
constexpr std::size_t kMaxSockets = 400;
constexpr milliseconds kConnectTick{100};

// A connection on its way.
struct Attempt {
  Fd socket;
  std::size_t index = 0;
};

// The result when it is known at once; else EINPROGRESS, and the socket.
int BeginConnect(const SocketAddress& address, Fd* made) {
  *made = Fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made->ok()) return errno;
  return connect(made->get(), address.data(), address.size()) == 0 ? 0 : errno;
}

int ResultOf(const Fd& fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Waits for those on their way, until the deadline.
void AwaitConnections(const Call& call, Clock::time_point deadline, std::vector<Attempt> attempts,
                      std::vector<int>* results) {
  while (!attempts.empty() && Clock::now() < deadline) {
    call.CheckCancelled();
    std::vector<pollfd> polled;
    for (const Attempt& attempt : attempts) polled.push_back({attempt.socket.get(), POLLOUT, 0});
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    const auto tick = std::clamp(left, milliseconds(0), kConnectTick);
    if (poll(polled.data(), polled.size(), static_cast<int>(tick.count())) <= 0) continue;
    for (std::size_t i = polled.size(); i-- > 0;) {
      if (polled[i].revents == 0) continue;
      (*results)[attempts[i].index] = ResultOf(attempts[i].socket);
      attempts.erase(attempts.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

}  // namespace

const sockaddr* SocketAddress::data() const {
  return is_ipv6_ ? reinterpret_cast<const sockaddr*>(&ipv6_)
                  : reinterpret_cast<const sockaddr*>(&ipv4_);
}

void SocketAddress::SetPort(std::uint16_t port) {
  ipv4_.sin_port = htons(port);
  ipv6_.sin6_port = htons(port);
}

bool SocketAddress::IsLoopback() const {
  if (is_ipv6_) return IN6_IS_ADDR_LOOPBACK(&ipv6_.sin6_addr);
  return (ntohl(ipv4_.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

std::optional<SocketAddress> ParseAddress(const std::string& text) {
  sockaddr_in ipv4 = {};
  ipv4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) return SocketAddress(ipv4);
  sockaddr_in6 ipv6 = {};
  ipv6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) == 1) return SocketAddress(ipv6);
  return std::nullopt;
}

std::optional<std::vector<SocketAddress>> ResolveName(Context& context, const std::string& name,
                                                      milliseconds timeout) {
  // A name that begins so would be an option.
  if (name.empty() || name[0] == '-') throw BadRequest("not a host's name: " + name);
  if (!context.programs.Has("getent")) return std::nullopt;
  std::vector<SocketAddress> addresses;
  ProgramOptions options;
  options.timeout = timeout;
  std::string text;
  try {
    text = context.programs.Run(context.call, {"getent", "ahosts", name}, options).out;
  } catch (const Failed& failed) {
    if (failed.message().kind() != hv1::Failure::KIND_DEADLINE) throw;
    return addresses;
  }
  // Lines such as "198.18.0.2  STREAM h2", one for each kind of socket.
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string word = text.substr(at, std::min(text.find(' ', at), end) - at);
    at = end + 1;
    if (std::find(seen.begin(), seen.end(), word) != seen.end()) continue;
    if (const auto address = ParseAddress(word)) addresses.push_back(*address);
    seen.push_back(std::move(word));
  }
  return addresses;
}

std::vector<int> TryConnections(const Call& call, const std::vector<SocketAddress>& addresses,
                                milliseconds timeout) {
  std::vector<int> results(addresses.size(), ETIMEDOUT);
  for (std::size_t begin = 0; begin < addresses.size(); begin += kMaxSockets) {
    const auto deadline = Clock::now() + timeout;
    const std::size_t end = std::min(begin + kMaxSockets, addresses.size());
    std::vector<Attempt> attempts;
    for (std::size_t i = begin; i < end; ++i) {
      Fd made;
      const int result = BeginConnect(addresses[i], &made);
      if (result == EINPROGRESS) {
        attempts.push_back({std::move(made), i});
      } else {
        results[i] = result;
      }
    }
    AwaitConnections(call, deadline, std::move(attempts), &results);
  }
  return results;
}

bool CanListenOn(const std::string& address) {
  const auto parsed = ParseAddress(address);
  if (!parsed.has_value()) throw BadRequest("not an address: " + address);
  const Fd fd(socket(parsed->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return errno != EAFNOSUPPORT;
  // Port 0: a free one.
  return bind(fd.get(), parsed->data(), parsed->size()) == 0 || errno != EADDRNOTAVAIL;
}

}  // namespace dmgr::far
