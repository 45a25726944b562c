#include "server/engine/lane.h"

#include <chrono>
#include <utility>

namespace dmgr::engine {
namespace {

constexpr std::chrono::seconds kIdlePeriod(5);

}  // namespace

Lane::Lane(std::function<void()> on_idle)
    : on_idle_(std::move(on_idle)), thread_([this] { Loop(); }) {}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Lane::Run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
  }
  changed_.notify_one();
}

void Lane::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    const bool woken =
        changed_.wait_for(lock, kIdlePeriod, [&] { return ended_ || work_ != nullptr; });
    if (!woken && on_idle_ == nullptr) continue;
    if (woken && work_ == nullptr) return;
    const std::function<void()> work = std::exchange(work_, nullptr);
    lock.unlock();
    woken ? work() : on_idle_();
    lock.lock();
  }
}

}  // namespace dmgr::engine
