#include "client/progress/meter.h"

namespace dmgr::client {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(5);

}  // namespace

void Meter::Add(absl::Time time, std::uint64_t bytes) {
  if (!samples_.empty() && time < samples_.back().first) return;
  samples_.emplace_back(time, bytes);
  // The oldest one is just outside the window, so that this is never empty.
  while (samples_.size() > 2 && time - samples_[1].first >= kWindow) samples_.pop_front();
}

double Meter::BytesPerSecond() const {
  if (samples_.size() < 2) return 0;
  const absl::Duration took = samples_.back().first - samples_.front().first;
  if (took < absl::Milliseconds(200)) return 0;
  return static_cast<double>(samples_.back().second - samples_.front().second) /
         absl::ToDoubleSeconds(took);
}

}  // namespace dmgr::client
