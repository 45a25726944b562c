#include "server/rpc/database_health.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"

namespace dmgr::rpc {

absl::StatusOr<std::unique_ptr<DatabaseHealth>> DatabaseHealth::Start(
    std::function<bool()> ask, std::function<void(bool answers)> tell, const Options& options) {
  auto health =
      std::unique_ptr<DatabaseHealth>(new DatabaseHealth(std::move(ask), std::move(tell), options));
  ASSIGN_OR_RETURN(health->asking_, StartThread([own = health.get()] { own->AskLoop(); }));
  ASSIGN_OR_RETURN(health->judging_, StartThread([own = health.get()] { own->JudgeLoop(); }));
  return health;
}

DatabaseHealth::~DatabaseHealth() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread* thread : {&asking_, &judging_}) {
    if (thread->joinable()) thread->join();
  }
}

void DatabaseHealth::AskLoop() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    asked_ = SteadyNow();
    lock.unlock();
    const bool answers = ask_();
    lock.lock();
    asked_ = absl::InfiniteFuture();
    answers_ = answers;
    changed_.notify_all();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(options_.period),
                      [this] { return ending_; });
  }
}

void DatabaseHealth::JudgeLoop() {
  bool told = true;
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const bool hangs = SteadyNow() - asked_ > options_.patience;
    const bool answers = answers_ && !hangs;
    if (answers != told) {
      told = answers;
      lock.unlock();
      tell_(answers);
      lock.lock();
      continue;
    }
    const absl::Duration pause = std::min(options_.period, options_.patience) / 4;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(pause));
  }
}

}  // namespace dmgr::rpc
