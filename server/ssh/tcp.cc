#include "server/ssh/tcp.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "common/address.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"

namespace dmgr::ssh {
namespace {

constexpr int kLookMilliseconds = 200;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

int LookUp(const std::string& host, int port, int flags, Addresses* addresses) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error == 0) addresses->reset(list);
  return error;
}

dmgr::Error NotConnected(const std::string& name, const std::string& problem) {
  return Error(absl::StatusCode::kUnavailable, "HOST_UNREACHABLE", "cannot connect to {}: {}", name,
               problem)
      .With("host", name)
      .Remedy(
          "see that the host is up, that sshd listens on this port, and that no firewall is "
          "in between");
}

// getaddrinfo() knows no deadline.
absl::StatusOr<Addresses> Resolve(const std::string& host, int port, const Limit& limit) {
  Addresses numeric;
  if (LookUp(host, port, AI_NUMERICHOST, &numeric) == 0) return numeric;

  struct Answer {
    int error = 0;
    Addresses addresses;
  };
  const auto answer = std::make_shared<Answer>();
  ASSIGN_OR_RETURN(
      const bool has_answered,
      RunAside([answer, host, port] { answer->error = LookUp(host, port, 0, &answer->addresses); },
               [&limit] { return limit.Passed(); }));
  if (!has_answered) {
    return NotConnected(JoinHostPort(host, port), "the name servers do not answer");
  }
  if (answer->error != 0) {
    return NotConnected(JoinHostPort(host, port), gai_strerror(answer->error));
  }
  return std::move(answer->addresses);
}

// libssh sets none of these on a socket that it is given. Without NODELAY every exec waits 40 ms
// for a delayed ACK.
void SetOptions(int fd) {
  const auto set = [fd](int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 20000);
}

// Returns 0 or an errno.
int Connect(int fd, const addrinfo& address, const Limit& limit) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready = {fd, POLLOUT, 0};
  while (true) {
    const int count = poll(&ready, 1, limit.Milliseconds());
    if (count > 0) break;
    if (count < 0 && errno != EINTR) return errno;
    if (limit.Passed()) return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

absl::StatusOr<int> ConnectTcp(const std::string& host, int port, const Limit& limit) {
  ASSIGN_OR_RETURN(Addresses addresses, Resolve(host, port, limit));
  int left = 0;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) ++left;
  int error = ETIMEDOUT;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next, --left) {
    const int fd =
        socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
      error = errno;
      continue;
    }
    SetOptions(fd);
    // Each address has its share of the time, so that a dead one does not hide a living one.
    error = Connect(fd, *a, left > 1 ? limit.Share(left) : limit);
    if (error == 0) return fd;
    close(fd);
    if (limit.Cancelled()) return absl::CancelledError("cancelled");
  }
  return NotConnected(JoinHostPort(host, port), std::strerror(error));
}

bool Limit::Passed() const { return SteadyNow() >= deadline_ || Cancelled(); }

Limit Limit::AtMost(absl::Duration duration) const {
  return {std::min(deadline_, SteadyNow() + duration), cancelled_};
}

Limit Limit::Share(int parts) const {
  return AtMost(std::min((deadline_ - SteadyNow()) / parts, absl::Minutes(1)));
}

int Limit::Milliseconds() const {
  const int left = PollMilliseconds(deadline_);
  return cancelled_ ? std::min(left, kLookMilliseconds) : left;
}

int PollMilliseconds(absl::Time deadline) {
  const absl::Duration left = deadline - SteadyNow();
  if (left <= absl::ZeroDuration()) return 0;
  // Rounded up: a wait must not end just before the deadline and spin.
  const auto milliseconds = absl::ToInt64Milliseconds(std::min(left, absl::Minutes(1)));
  return static_cast<int>(milliseconds) + 1;
}

}  // namespace dmgr::ssh
