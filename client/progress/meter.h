// How fast bytes move.
#ifndef DMGR_CLIENT_PROGRESS_METER_H_
#define DMGR_CLIENT_PROGRESS_METER_H_

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/time/time.h"

namespace dmgr::client {

// The rate over the last seconds; 0 when nothing is known.
class Meter {
 public:
  // `bytes` counts up, never down.
  void Add(absl::Time time, std::uint64_t bytes);
  double BytesPerSecond() const;

 private:
  std::deque<std::pair<absl::Time, std::uint64_t>> samples_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_METER_H_
