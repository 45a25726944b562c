#include "server/operations/steps/wait_news.h"

#include <fmt/format.h>

#include "common/steady_time.h"

namespace dmgr::operations {
namespace {

// Most waits are over by then.
constexpr absl::Duration kQuiet = absl::Seconds(5);
// What changes back and forth is told so often at most.
constexpr absl::Duration kChanged = absl::Seconds(1);
constexpr absl::Duration kSame = absl::Seconds(10);

}  // namespace

void WaitNews::Say(const std::string& what) {
  const absl::Time now = SteadyNow();
  if (what.empty() || now - begin_ < kQuiet) return;
  if (now - said_at_ < (what == said_ ? kSame : kChanged)) return;
  said_ = what;
  said_at_ = now;
  context_->Log(v1::LogLine::LEVEL_INFO,
                fmt::format("waits for {} s: {}", absl::ToInt64Seconds(now - begin_), what));
}

}  // namespace dmgr::operations
