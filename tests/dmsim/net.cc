#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "tls.h"

namespace dmsim {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
};

bool FromLiteral(const std::string& host, std::uint16_t port, Address* out) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out->storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->length = sizeof(*v4);
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out->storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->length = sizeof(*v6);
    return true;
  }
  return false;
}

// getaddrinfo would load NSS modules, so names come from /etc/hosts only.
bool Resolve(const HostPort& target, Address* out) {
  if (FromLiteral(target.host, target.port, out)) return true;
  if (target.host == "localhost") return FromLiteral("127.0.0.1", target.port, out);
  std::ifstream hosts("/etc/hosts");
  for (std::string line; std::getline(hosts, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    words >> address;
    for (std::string name; words >> name;) {
      if (name == target.host && FromLiteral(address, target.port, out)) return true;
    }
  }
  return false;
}

std::string GoErrno(int code) {
  if (code == EADDRINUSE) return "address already in use";
  if (code == ECONNREFUSED) return "connection refused";
  if (code == EADDRNOTAVAIL) return "cannot assign requested address";
  if (code == EHOSTUNREACH) return "no route to host";
  if (code == EACCES) return "permission denied";
  return std::strerror(code);
}

bool WaitFor(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd item{fd, events, 0};
    const int ready = poll(&item, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Release();
  }
  return *this;
}

int Socket::Release() { return std::exchange(fd_, -1); }

void Socket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool ParseHostPort(std::string_view text, HostPort* out) {
  if (const auto scheme = text.find("://"); scheme != text.npos) text.remove_prefix(scheme + 3);
  if (const auto slash = text.find('/'); slash != text.npos) text = text.substr(0, slash);
  const auto colon = text.rfind(':');
  if (colon == text.npos) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), out->port);
  if (code != std::errc() || end != port.data() + port.size()) return false;
  out->host = host;
  return true;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    std::string_view part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

Socket ListenTcp(const std::string& address, std::string* error) {
  HostPort target;
  Address resolved;
  if (!ParseHostPort(address, &target)) {
    *error = "listen tcp: address " + address + ": missing port in address";
    return Socket();
  }
  // As in Go: no host, and [::], is everybody, by IPv4, too.
  if (target.host.empty()) target.host = access("/proc/sys/net/ipv6", F_OK) == 0 ? "::" : "0.0.0.0";
  if (!Resolve(target, &resolved)) {
    *error = "listen tcp: lookup " + target.host + ": no such host";
    return Socket();
  }
  Socket listener(socket(resolved.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int off = 0;
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(listener.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (bind(listener.fd(), reinterpret_cast<sockaddr*>(&resolved.storage), resolved.length) != 0 ||
      listen(listener.fd(), 512) != 0) {
    *error = "listen tcp " + target.host + ":" + std::to_string(target.port) +
             ": bind: " + GoErrno(errno);
    return Socket();
  }
  return listener;
}

Socket ConnectTcp(const std::string& address, milliseconds timeout, std::string* error) {
  const auto deadline = Clock::now() + timeout;
  HostPort target;
  Address resolved;
  if (!ParseHostPort(address, &target) || !Resolve(target, &resolved)) {
    *error = "dial tcp: lookup " + address + ": no such host";
    return Socket();
  }
  Socket connection(socket(resolved.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(connection.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int code = 0;
  if (connect(connection.fd(), reinterpret_cast<sockaddr*>(&resolved.storage), resolved.length) !=
      0) {
    code = errno;
    if (code == EINPROGRESS) {
      socklen_t size = sizeof(code);
      if (!WaitFor(connection.fd(), POLLOUT, deadline)) {
        *error = "dial tcp " + target.host + ":" + std::to_string(target.port) + ": i/o timeout";
        return Socket();
      }
      getsockopt(connection.fd(), SOL_SOCKET, SO_ERROR, &code, &size);
    }
  }
  if (code != 0) {
    *error = "dial tcp " + target.host + ":" + std::to_string(target.port) +
             ": connect: " + GoErrno(code);
    return Socket();
  }
  if (!HasTls()) return connection;
  return BeginTls(connection.fd(), target.host, deadline, error);
}

bool SendAll(int fd, std::string_view data, Clock::time_point deadline) {
  while (!data.empty()) {
    const ssize_t sent = send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      if (!WaitFor(fd, POLLOUT, deadline)) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool ReceiveSome(int fd, std::string* buffer, Clock::time_point deadline) {
  char chunk[16384];
  while (true) {
    const ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (got > 0) {
      buffer->append(chunk, static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0) return false;
    if (errno != EAGAIN && errno != EINTR) return false;
    if (!WaitFor(fd, POLLIN, deadline)) return false;
  }
}

bool BeginsWith(int fd, std::string_view text, Clock::time_point deadline) {
  std::string begin(text.size(), '\0');
  while (Clock::now() < deadline) {
    if (!WaitFor(fd, POLLIN, deadline)) return false;
    const ssize_t got = recv(fd, begin.data(), begin.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
    const auto seen = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    if (begin.compare(0, seen, text, 0, seen) != 0) return false;
    if (seen == text.size()) return true;
    // What is there is still there: the socket stays readable, so there is nothing to wait for.
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

bool PeerHasGone(int fd) {
  char byte;
  const ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace dmsim
