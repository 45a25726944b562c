// The gRPC server: all services on one address.
#ifndef DMGR_SERVER_RPC_SERVER_H_
#define DMGR_SERVER_RPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/event_feed.h"
#include "server/resources/resources.h"
#include "server/rpc/call_counts.h"
#include "server/rpc/limits.h"
#include "server/rpc/tls.h"
#include "server/store/session_store.h"
#include "server/warehouse/uploads.h"

namespace grpc {
class Channel;
}

namespace dmgr::rpc {

struct ServerOptions {
  // "host:port"; port 0 takes a free one. Without a certificate loopback only, and not even that
  // unless plain_text. Empty: none.
  std::string listen;
  bool plain_text = false;
  // Path of a unix socket; empty: none.
  std::string socket{};
  // Empty: plain text.
  TlsFiles tls{};
  bool reflection = false;
  store::SessionLimits sessions{};
  // Of API tokens.
  absl::Duration longest_token = absl::Hours(366 * 24);
  // Of the database, as libpq takes it: what ends sessions is heard there.
  std::string dsn{};
  // See accounts::Sessions.
  std::string first_secret_file{};
  Limits limits{};
  // For GetServerInfo.
  int max_operations = 0;
  int max_steps = 0;
  int keep_days = 0;
};

// INVALID_ARGUMENT (NOT_LOOPBACK, PLAIN_TEXT_REFUSED) when plain text would be spoken where it may
// not.
absl::Status CheckListen(const ServerOptions& options);

// Serves from construction to Shutdown. What it is given must outlive it.
class Server {
 public:
  // Errors: those of CheckListen; FAILED_PRECONDITION when the certificate is not usable;
  // UNAVAILABLE when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const Resources* services,
                                                       engine::EventFeed* feed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  // To this server, without a connection; see own_calls.h. It ends with the server.
  std::shared_ptr<grpc::Channel> OwnChannel();
  // How calls have ended so far.
  std::vector<CallCounts::Count> calls() const;
  // What was of no use any more and is gone, since the start.
  struct Forgotten {
    std::uint64_t sessions = 0;
    std::uint64_t tokens = 0;
    std::uint64_t uploads = 0;
  };
  Forgotten forgotten() const;
  // What is kept of uploads that are not finished.
  warehouse::Uploads::Kept uploads() const;
  // To be called about every second.
  void LookAfter();
  // What one caller may have at once is as many as these say from now on. Thread-safe.
  void SetPlaces(const Limits& limits);
  // Takes no new calls; those under way get `grace`, then they are cancelled.
  void Shutdown(absl::Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SERVER_H_
