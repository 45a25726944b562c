// Refusals of callers without a name, for the audit. Private to this room.
#ifndef DMGR_SERVER_RPC_REFUSALS_H_
#define DMGR_SERVER_RPC_REFUSALS_H_

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "server/store/user_store.h"

namespace dmgr::rpc {

// Anybody can make such refusals, as many as the network carries. So the first one of its kind in a
// period is a record of its own, and those that follow are one record that tells their number.
// Thread-safe.
class Refusals {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Refusals(absl::Duration period) : period_(absl::ToChronoNanoseconds(period)) {}

  // Whether it is the first one: then the caller records it. Else it is counted.
  bool IsFirst(const store::AuditRecord& record, Clock::time_point now = Clock::now());
  // The records of those whose period is over; once, and of all when `all` is set.
  std::vector<store::AuditRecord> Take(bool all, Clock::time_point now = Clock::now());

 private:
  // Address, user, method and code.
  using Kind = std::tuple<std::string, std::string, std::string, int>;
  struct Count {
    Clock::time_point until;
    store::AuditRecord more;
  };

  const Clock::duration period_;
  std::mutex mutex_;  // Guards counts_.
  std::map<Kind, Count> counts_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_REFUSALS_H_
