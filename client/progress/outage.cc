#include "client/progress/outage.h"

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::client {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr absl::Duration kPause = absl::Milliseconds(300);

}  // namespace

bool Outage::Wait(const absl::Status& status, const char* comfort) {
  const absl::Time now = SteadyNow();
  if (until_ == absl::InfiniteFuture()) {
    terminal_->err() << Message(status) << "; waiting for it (" << comfort << ")\n";
    until_ = now + kPatience;
  }
  if (now > until_) return false;
  absl::SleepFor(kPause);
  return true;
}

}  // namespace dmgr::client
