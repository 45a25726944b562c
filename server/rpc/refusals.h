// Calls that are alike, for the audit. Private to this room.
#ifndef DMGR_SERVER_RPC_REFUSALS_H_
#define DMGR_SERVER_RPC_REFUSALS_H_

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "server/store/audit_store.h"

namespace dmgr::rpc {

// Anybody can be refused without a name, as often as the network carries, and a dashboard looks at
// a cluster every few seconds. So the first one of its kind in a period is a record of its own, and
// those that follow are one record that tells their number. Thread-safe.
class Refusals {
 public:
  using Clock = std::chrono::steady_clock;

  // by_target: those about different things are different; else they are not, since the caller may
  // name what it likes.
  explicit Refusals(absl::Duration period, bool by_target = false)
      : period_(absl::ToChronoNanoseconds(period)), by_target_(by_target) {}

  // Whether it is the first one: then the caller records it. Else it is counted.
  bool IsFirst(const store::AuditRecord& record, Clock::time_point now = Clock::now());
  // The records of those whose period is over; once, and of all when `all` is set.
  std::vector<store::AuditRecord> Take(bool all, Clock::time_point now = Clock::now());

 private:
  // Address, user, method, code and target.
  using Kind = std::tuple<std::string, std::string, std::string, int, std::string>;
  struct Count {
    Clock::time_point until;
    store::AuditRecord more;
  };

  const Clock::duration period_;
  const bool by_target_;
  std::mutex mutex_;  // Guards counts_.
  std::map<Kind, Count> counts_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_REFUSALS_H_
