#include "server/status/health_board.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "common/steady_time.h"
#include "common/thread_pool.h"

namespace dmgr::status {
namespace {

// Clusters that are looked at side by side: one that does not answer takes some seconds.
constexpr std::size_t kMostThreads = 8;
// What nobody has asked for or looked at for so long is forgotten.
constexpr absl::Duration kKept = absl::Minutes(10);

}  // namespace

HealthBoard::HealthBoard(Look look, const Times& times) : look_(std::move(look)), times_(times) {}

HealthBoard::~HealthBoard() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool HealthBoard::IsKnown(const topology::Cluster& cluster) const {
  const auto found = entries_.find(cluster.uuid);
  return found != entries_.end() && found->second.looked >= SteadyNow() - times_.usable;
}

void HealthBoard::CallHelp() {
  while (idle_ < waiting_.size() && threads_.size() < kMostThreads) {
    // Those that are there do it all, else.
    auto thread = StartThread([this] { Run(); });
    if (!thread.ok()) break;
    threads_.push_back(*std::move(thread));
    ++idle_;
  }
}

std::map<std::string, HealthBoard::Seen> HealthBoard::Ask(
    const std::vector<topology::Cluster>& clusters) {
  const absl::Time now = SteadyNow();
  std::unique_lock lock(mutex_);
  std::erase_if(entries_, [&](const auto& one) {
    return !one.second.is_due && one.second.looked < now - kKept;
  });
  for (const auto& cluster : clusters) {
    Entry& entry = entries_[cluster.uuid];
    if (entry.is_due || entry.looked >= now - times_.fresh) continue;
    entry.is_due = true;
    waiting_.push_back(cluster);
  }
  CallHelp();
  changed_.notify_all();
  changed_.wait_for(lock, absl::ToChronoMilliseconds(times_.patience), [&] {
    return std::ranges::all_of(clusters, [&](const auto& one) { return IsKnown(one); });
  });
  std::map<std::string, Seen> known;
  for (const auto& cluster : clusters) {
    if (IsKnown(cluster)) known[cluster.uuid] = entries_.at(cluster.uuid).seen;
  }
  return known;
}

void HealthBoard::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (ending_) return;
    --idle_;
    const topology::Cluster cluster = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const absl::Time begun = SteadyNow();
    Seen seen{.members = {}, .when = absl::Now()};
    bool has_looked = false;
    try {
      seen.members = look_(cluster, [this] {
        const std::lock_guard guard(mutex_);
        return ending_;
      });
      has_looked = true;
    } catch (const std::exception& e) {
      spdlog::error("cluster {} cannot be looked at: {}", cluster.name, e.what());
    }
    lock.lock();
    ++idle_;
    Entry& entry = entries_[cluster.uuid];
    entry.is_due = false;
    if (has_looked) {
      entry.looked = begun;
      entry.seen = seen;
    }
    changed_.notify_all();
  }
}

}  // namespace dmgr::status
