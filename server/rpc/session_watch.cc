#include "server/rpc/session_watch.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/store/user_store.h"

namespace dmgr::rpc {
namespace {

constexpr std::chrono::seconds kPeriod(2);

absl::Status Ended() {
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN", "the session has ended")
      .Remedy("log in again")
      .Next(v1::ACTION_LOGIN);
}

}  // namespace

SessionWatch::SessionWatch(store::Database* database)
    : database_(database), thread_([this] { Loop(); }) {}

SessionWatch::~SessionWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::uint64_t SessionWatch::Add(const std::string& token_hash, OnEnd on_end) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    watched_[id] = {token_hash, std::move(on_end)};
  }
  changed_.notify_all();
  return id;
}

void SessionWatch::Forget(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  if (watched_.erase(id) > 0) return;
  // From within its own on_end nothing is to be waited for.
  if (std::this_thread::get_id() == thread_.get_id()) return;
  changed_.wait(lock, [&] { return calling_ != id; });
}

void SessionWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !watched_.empty(); });
    if (changed_.wait_for(lock, kPeriod, [&] { return stopping_; })) return;
    Look(lock);
  }
}

void SessionWatch::Look(std::unique_lock<std::mutex>& lock) {
  std::set<std::string> hashes;
  for (const auto& [id, one] : watched_) hashes.insert(one.token_hash);
  if (hashes.empty()) return;
  lock.unlock();
  std::vector<std::string> ended;
  const absl::Status status = database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(ended, store::ListEndedSessions(tx, {hashes.begin(), hashes.end()}));
    return absl::OkStatus();
  });
  // Then it is asked again.
  if (!status.ok())
    spdlog::warn("the sessions of watchers cannot be looked at: {}", Message(status));
  lock.lock();
  const std::set<std::string> gone(ended.begin(), ended.end());
  std::vector<std::uint64_t> ids;
  for (const auto& [id, one] : watched_) {
    if (gone.contains(one.token_hash)) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) {
    auto found = watched_.find(id);
    if (found == watched_.end()) continue;
    if (stopping_) return;
    const OnEnd on_end = std::move(found->second.on_end);
    watched_.erase(found);
    calling_ = id;
    lock.unlock();
    on_end(Ended());
    lock.lock();
    calling_ = 0;
    changed_.notify_all();
  }
}

}  // namespace dmgr::rpc
