#include "server/rpc/socket_listener.h"

#include <fmt/format.h>
#include <grp.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "common/thread_pool.h"
#include "server/rpc/own_calls.h"

namespace dmgr::rpc {
namespace {

constexpr int kBacklog = 128;
// Without descriptors for another connection.
constexpr int kPauseMs = 100;
// As gRPC names a connection that was handed to it.
constexpr std::string_view kHandedOver = "fd:";

absl::Status CannotListen(const std::string& path, const char* what) {
  return Error(absl::StatusCode::kUnavailable, "LISTEN_FAILED", "cannot listen on {}: {}: {}", path,
               what, std::strerror(errno))
      .With("path", path)
      .Remedy("is another dmgrd running there? Set [server] socket");
}

Fd NewSocket() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

// Whether somebody listens there.
bool IsInUse(const sockaddr_un& address) {
  const Fd probe = NewSocket();
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
             0 ||
         errno == EAGAIN;
}

// Before anybody can connect.
absl::Status SetRights(const std::string& path) {
  std::vector<char> buffer(16U << 10);
  group entry = {};
  group* found = nullptr;
  getgrnam_r(kSocketGroup, &entry, buffer.data(), buffer.size(), &found);
  // Who may not give it away keeps it.
  if (found != nullptr && ::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0 &&
      errno != EPERM) {
    return CannotListen(path, "chown");
  }
  return ::chmod(path.c_str(), 0660) == 0 ? absl::OkStatus() : CannotListen(path, "chmod");
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketListener>> SocketListener::Start(const std::string& path,
                                                                      grpc::Server* server) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return CannotListen(path, "bind");
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (IsInUse(address)) {
    errno = EADDRINUSE;
    return CannotListen(path, "bind");
  }
  struct stat left = {};
  if (::lstat(path.c_str(), &left) == 0 && S_ISSOCK(left.st_mode)) ::unlink(path.c_str());
  Fd listener = NewSocket();
  // What bind makes has the mode of the socket.
  if (::fchmod(listener.get(), 0600) != 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return CannotListen(path, "bind");
  }
  RETURN_IF_ERROR(SetRights(path));
  if (::listen(listener.get(), kBacklog) != 0) return CannotListen(path, "listen");
  Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.ok()) return CannotListen(path, "eventfd");
  auto started = std::unique_ptr<SocketListener>(
      new SocketListener(path, std::move(listener), std::move(stop), server));
  ASSIGN_OR_RETURN(started->thread_, StartThread([own = started.get()] { own->Serve(); }));
  return started;
}

SocketListener::~SocketListener() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  ::unlink(path_.c_str());
}

void SocketListener::Serve() {
  pollfd waiting[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                      {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
  while (waiting[0].revents == 0) {
    if (::poll(waiting, 2, -1) < 0 || waiting[1].revents == 0) continue;
    const int connection =
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) {
      grpc::AddInsecureChannelFromFd(server_, connection);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      ::poll(waiting, 1, kPauseMs);
    }
  }
}

std::string PeerOf(const grpc::ServerContextBase& context) {
  if (auto behind = PeerBehind(context); behind.has_value()) return *std::move(behind);
  std::string peer = context.peer();
  int fd = -1;
  if (!peer.starts_with(kHandedOver) ||
      std::from_chars(peer.data() + kHandedOver.size(), peer.data() + peer.size(), fd).ec !=
          std::errc()) {
    return peer;
  }
  ucred caller = {};
  socklen_t size = sizeof(caller);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) != 0) return "unix:";
  return fmt::format("unix:uid={}", caller.uid);
}

}  // namespace dmgr::rpc
