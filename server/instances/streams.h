// Streams from several hosts at once, for one caller.
#ifndef DMGR_SERVER_INSTANCES_STREAMS_H_
#define DMGR_SERVER_INSTANCES_STREAMS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/host/near/far_end.h"
#include "server/resources/resources.h"

namespace dmgr::instances {

namespace hv1 = ::dmgr::host::v1;

// A stream has a connection and a thread for each of its hosts, for as long as its caller likes: so
// many there are at most, for all callers together. Thread-safe; outlives what it gives.
class Places {
 public:
  explicit Places(std::size_t most = 256) : most_(most) {}

  class Hold {
   public:
    Hold(Places* places, std::size_t count) : places_(places), count_(count) {}
    ~Hold() { Drop(); }
    Hold(Hold&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), count_(other.count_) {}
    Hold& operator=(Hold&&) = delete;

   private:
    void Drop();

    Places* places_;
    std::size_t count_;
  };
  // RESOURCE_EXHAUSTED, TOO_MANY_STREAMS.
  absl::StatusOr<Hold> Take(std::size_t count);

 private:
  const std::size_t most_;
  std::mutex mutex_;  // Guards used_.
  std::size_t used_ = 0;
};

// Starts a far end on a host. Errors name the host.
absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenHost(const Resources& resources,
                                                       const std::string& machine_id,
                                                       hv1::Begin::Mode mode, absl::Time deadline,
                                                       const std::function<bool()>& cancelled);

// What is asked of one host, by a far end of its own.
struct HostRequest {
  std::string machine_id;
  hv1::Begin::Mode mode = hv1::Begin::MODE_READ;
  hv1::ToHost request;
};

// Who takes what comes, on the thread that calls. False: the caller has gone, and it all ends.
struct StreamReader {
  std::function<bool(std::size_t request, const hv1::FromHost& message)> on_message;
  // The last answer to a request, or why there is none.
  std::function<bool(std::size_t request, const absl::StatusOr<hv1::FromHost>& end)> on_end;
  // Asked about ten times a second.
  std::function<bool()> gone;
};

// Until all requests have ended, which a deadline sees to. While a message is taken the host that
// sent it waits, once 512 KiB more of its have come; the others do not. CANCELLED when the caller
// has gone; then nothing that was begun goes on.
absl::Status StreamFromHosts(const Resources& resources, Places* places,
                             const std::vector<HostRequest>& requests, absl::Time deadline,
                             const StreamReader& reader);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_STREAMS_H_
