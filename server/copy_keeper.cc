#include "server/copy_keeper.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/copies.h"
#include "server/clusters/record.h"
#include "server/store/copy_store.h"

namespace dmgr {
namespace {

constexpr absl::Duration kPeriod = absl::Minutes(1);
// What an operation has changed waits no longer than this.
constexpr std::chrono::seconds kPause(2);
// For one cluster. Without a majority nobody answers.
constexpr absl::Duration kAnswerTime = absl::Seconds(10);
constexpr std::size_t kAtOnce = 4;

}  // namespace

CopyKeeper::CopyKeeper(const Resources* resources)
    : resources_(resources), thread_([this] { Run(); }) {}

CopyKeeper::~CopyKeeper() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  thread_.join();
}

void CopyKeeper::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ending_changed_.wait_for(lock, kPause, [this] { return ending_.load(); })) {
    lock.unlock();
    LookAtAll();
    lock.lock();
  }
}

void CopyKeeper::LookAtAll() {
  std::vector<std::string> names;
  const absl::Status claimed =
      resources_->database->Transact([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(names, store::ClaimCopyLooks(tx, kPeriod));
        return absl::OkStatus();
      });
  if (!claimed.ok()) spdlog::debug("no look at what dm-masters keep: {}", Message(claimed));
  resources_->threads->ForEach(names.size(), kAtOnce, [&](std::size_t i) {
    const auto record = clusters::FindCluster(*resources_, names[i]);
    if (!record.ok()) return;
    const absl::Status taken = clusters::TakeCopy(*resources_, record->cluster,
                                                  {.deadline = SteadyNow() + kAnswerTime,
                                                   .cancelled = [this] { return ending_.load(); }})
                                   .status();
    if (taken.ok() || absl::IsCancelled(taken)) return;
    // A cluster without a majority has nothing new; its status says what is wrong with it.
    const auto level = absl::IsUnavailable(taken) ? spdlog::level::debug : spdlog::level::warn;
    spdlog::log(level, "cluster {}: no copy of what its dm-masters keep: {}", names[i],
                Message(taken));
  });
}

}  // namespace dmgr
