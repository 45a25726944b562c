#include "server/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>

namespace dmgr {
namespace {

void Tell(const std::string& state) { sd_notify(/*unset_environment=*/0, state.c_str()); }

}  // namespace

void TellStatus(const std::string& status) {
  // The protocol's lines end at the end of a line.
  std::string line = status;
  std::replace(line.begin(), line.end(), '\n', ' ');
  Tell("STATUS=" + line);
}

void TellReady() { Tell("READY=1"); }
void TellStopping() { Tell("STOPPING=1"); }
void TellAlive() { Tell("WATCHDOG=1"); }

absl::Duration AlivePeriod() {
  std::uint64_t microseconds = 0;
  const bool watches = sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) > 0;
  return watches ? absl::Microseconds(microseconds) : absl::InfiniteDuration();
}

StartExtension::StartExtension(absl::Duration period)
    : period_(period), thread_([this] {
        const std::string more =
            fmt::format("EXTEND_TIMEOUT_USEC={}", absl::ToInt64Microseconds(3 * period_));
        std::unique_lock lock(mutex_);
        do {
          Tell(more);
        } while (!changed_.wait_for(lock, absl::ToChronoMilliseconds(period_),
                                    [this] { return ended_; }));
      }) {}

StartExtension::~StartExtension() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

}  // namespace dmgr
