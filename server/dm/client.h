// DM-master's HTTP API, and the pages by which DM's processes tell who they are. Knows no cluster
// but the addresses it is given. Every call ends at its deadline, follows no redirect, uses no
// proxy of the environment and reads a limited answer. `cancelled` is asked about every 20 ms
// and may be empty; the call then ends with CANCELLED.
#ifndef DMGR_SERVER_DM_CLIENT_H_
#define DMGR_SERVER_DM_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/dm/tls.h"

namespace dmgr::dm {

using Cancelled = std::function<bool()>;

struct Master {
  // Empty for one that was added and has never joined.
  std::string name;
  std::string member_id;
  // The leader could reach its /health within a second.
  bool alive = false;
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
};

struct Worker {
  std::string name;
  // Advertised, "host:port".
  std::string addr;
  // "offline", "free", "bound" or "relay".
  std::string stage;
  // Empty unless it is bound.
  std::string source;
};

// What the cluster believes of itself.
struct Members {
  // Both empty while no leader is elected.
  std::string leader_name;
  std::string leader_addr;
  std::vector<Master> masters;
  std::vector<Worker> workers;

  // nullptr when there is none of that name.
  const Master* FindMaster(const std::string& name) const;
  const Worker* FindWorker(const std::string& name) const;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

class Http;

// Talks to the masters of one cluster. Not thread-safe: one per thread. Keeps connections open
// between calls.
class Client {
 public:
  // "host:port" each; IPv6 hosts in brackets. Calls that any master can answer try the last known
  // leader first (the others answer 0.1 s later), then the one that answered last, then the rest;
  // a member is deleted through these addresses only, so leave out the one that is deleted.
  explicit Client(std::vector<std::string> master_addresses, TlsMaterial tls = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // UNAVAILABLE (DM_UNAVAILABLE) tells of every address what it answered. Without a quorum no
  // master answers at all: each gets its share of the time.
  absl::StatusOr<Members> GetMembers(absl::Time deadline, const Cancelled& cancelled = {});

  // Removes a member from the list; OK when it is not there. name may be empty for a master: that
  // removes the one that has never joined. FAILED_PRECONDITION when DM refuses (DM_STILL_ONLINE:
  // stop the worker first; DM_REFUSED), UNAVAILABLE when a later try may work (DM_UNHEALTHY: a
  // member joined or restarted less than 5 s ago; DM_NO_QUORUM; DM_NO_LEADER; DM_BUSY; DM_GATEWAY;
  // DM_UNAVAILABLE). Believe the member list, not the answer.
  absl::Status DeleteMaster(const std::string& name, absl::Time deadline,
                            const Cancelled& cancelled = {});
  absl::Status DeleteWorker(const std::string& name, absl::Time deadline,
                            const Cancelled& cancelled = {});

  // Acts on the master at this address and no other: it gives up the leadership and does not run
  // for it again until CancelEvict or its restart. OK, and of the same effect, also when it does
  // not lead.
  absl::Status EvictLeader(const std::string& address, absl::Time deadline,
                           const Cancelled& cancelled = {});
  absl::Status CancelEvict(const std::string& address, absl::Time deadline,
                           const Cancelled& cancelled = {});

  // Binds a source to a dm-worker that is free, over the OpenAPI. FAILED_PRECONDITION when DM
  // refuses (DM_REFUSED) or has no OpenAPI (DM_NO_OPENAPI). Believe the member list.
  absl::Status TransferSource(const std::string& source, const std::string& worker,
                              absl::Time deadline, const Cancelled& cancelled = {});

 private:
  std::vector<std::string> TryOrder() const;
  absl::Status TryEach(const std::string& what, const std::string& method, const std::string& path,
                       absl::Time deadline, const Cancelled& cancelled,
                       const std::function<absl::Status(const HttpReply&)>& read,
                       const std::string& body = "");
  absl::Status Delete(const std::string& type, const std::string& name, absl::Time deadline,
                      const Cancelled& cancelled);
  absl::Status PutLeader(const std::string& address, const std::string& operation,
                         absl::Time deadline, const Cancelled& cancelled);

  bool secure_ = false;
  std::unique_ptr<Http> http_;
  std::vector<std::string> addresses_;
  std::string leader_;
  std::string last_good_;
};

// Any HTTP status is an answer. DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE (no connection, or it
// broke), RESOURCE_EXHAUSTED (more than 8 MiB), INVALID_ARGUMENT (not an http URL; with TLS, not an
// https one).
absl::StatusOr<HttpReply> HttpGet(const std::string& url, absl::Time deadline,
                                  const Cancelled& cancelled = {}, const TlsMaterial& tls = {});

// OK when the host of "host:port" is reached, be it that nothing listens there. DEADLINE_EXCEEDED,
// UNAVAILABLE.
absl::Status ReachHost(const std::string& address, absl::Time deadline);

// The release version, such as "v7.5.2", of the dm-master or dm-worker at "host:port".
absl::StatusOr<std::string> ProbeStatus(const std::string& address, absl::Time deadline,
                                        const Cancelled& cancelled = {},
                                        const TlsMaterial& tls = {});

// When the process that serves /metrics at "host:port" was started, by its host's clock.
absl::StatusOr<absl::Time> ProcessStartTime(const std::string& address, absl::Time deadline,
                                            const Cancelled& cancelled = {},
                                            const TlsMaterial& tls = {});

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_CLIENT_H_
