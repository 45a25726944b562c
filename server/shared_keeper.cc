#include "server/shared_keeper.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/warehouse/shared.h"

namespace dmgr {
namespace {

constexpr std::chrono::seconds kSharedPause(5);
constexpr absl::Duration kCachePeriod = absl::Hours(1);
constexpr absl::Duration kCacheLives = absl::Hours(24);

void Warn(const absl::Status& status) {
  if (!status.ok()) spdlog::warn("the shared warehouse is not cleaned: {}", Message(status));
}

}  // namespace

SharedKeeper::SharedKeeper(const Resources* resources)
    : resources_(resources), thread_([this] { Run(); }) {}

SharedKeeper::~SharedKeeper() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  thread_.join();
}

void SharedKeeper::Run() {
  absl::Time next_cache = absl::InfinitePast();
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ending_changed_.wait_for(lock, kSharedPause, [this] { return ending_.load(); })) {
    lock.unlock();
    Warn(warehouse::CleanShared(*resources_, [this] { return ending_.load(); }));
    if (SteadyNow() >= next_cache) {
      Warn(warehouse::CleanCache(*resources_, kCacheLives));
      next_cache = SteadyNow() + kCachePeriod;
    }
    lock.lock();
  }
}

}  // namespace dmgr
