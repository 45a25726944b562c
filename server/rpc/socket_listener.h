// dmgrd's unix socket. Private to this room.
#ifndef DMGR_SERVER_RPC_SOCKET_LISTENER_H_
#define DMGR_SERVER_RPC_SOCKET_LISTENER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "common/files.h"

namespace dmgr::rpc {

// Who owns the socket may connect, and the group "dmgr", where there is one.
inline constexpr char kSocketGroup[] = "dmgr";

// Hands connections to a gRPC server, which has no way to say who made one that it accepted itself.
class SocketListener {
 public:
  // Replaces a socket that nobody listens on any more. UNAVAILABLE, LISTEN_FAILED. The server must
  // outlive it.
  static absl::StatusOr<std::unique_ptr<SocketListener>> Start(const std::string& path,
                                                               grpc::Server* server);
  // Takes no more connections; those that are there stay.
  ~SocketListener();
  SocketListener(const SocketListener&) = delete;
  SocketListener& operator=(const SocketListener&) = delete;

 private:
  SocketListener(std::string path, Fd listener, Fd stop, grpc::Server* server)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        stop_(std::move(stop)),
        server_(server) {}
  void Serve();

  const std::string path_;
  const Fd listener_;
  const Fd stop_;  // An eventfd.
  grpc::Server* const server_;
  std::thread thread_;
};

// Who makes a call: "ipv4:10.0.0.1:41234", or "unix:uid=1000" by the socket, as the kernel says.
std::string PeerOf(const grpc::ServerContextBase& context);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SOCKET_LISTENER_H_
