#include "server/rpc/session_watch.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "common/error.h"

namespace dmgr::rpc {
namespace {

// For sessions that expire, which nobody tells, and for notifications that got lost.
constexpr std::chrono::seconds kPeriod(1);

absl::Status WhyEnded(const store::EndedCaller& caller) {
  if (caller.is_live) {
    return Error(absl::StatusCode::kAborted, "ACCESS_CHANGED",
                 "what the user may do has been changed meanwhile")
        .Remedy("call again, if you still may");
  }
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN",
               "the session, or the API token, has ended")
      .Remedy("log in again")
      .Next(v1::ACTION_LOGIN);
}

}  // namespace

SessionWatch::SessionWatch(store::Database* database, const std::string& dsn)
    : database_(database),
      thread_([this] { Loop(); }),
      listener_(dsn, store::kAccessChannel, absl::Minutes(1), [this](const std::string&) {
        {
          const std::lock_guard lock(mutex_);
          due_ = true;
        }
        changed_.notify_all();
      }) {}

SessionWatch::~SessionWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::uint64_t SessionWatch::Add(const store::CallerKey& caller, OnEnd on_end) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    watched_[id] = {caller, std::move(on_end)};
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
    changed_.wait_for(lock, kPeriod, [&] { return stopping_ || due_; });
    if (stopping_) return;
    due_ = false;
    Look(lock);
  }
}

void SessionWatch::Look(std::unique_lock<std::mutex>& lock) {
  std::set<store::CallerKey> callers;
  for (const auto& [id, one] : watched_) callers.insert(one.caller);
  if (callers.empty()) return;
  lock.unlock();
  std::vector<store::EndedCaller> ended;
  const absl::Status status = database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(ended, store::ListEndedCallers(tx, {callers.begin(), callers.end()}));
    return absl::OkStatus();
  });
  // Then it is asked again.
  if (!status.ok())
    spdlog::warn("the sessions of watchers cannot be looked at: {}", Message(status));
  lock.lock();
  for (const auto& caller : ended) TellOf(caller, lock);
}

void SessionWatch::TellOf(const store::EndedCaller& ended, std::unique_lock<std::mutex>& lock) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, one] : watched_) {
    if (one.caller == ended.key) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) {
    auto found = watched_.find(id);
    if (found == watched_.end()) continue;
    if (stopping_) return;
    const OnEnd on_end = std::move(found->second.on_end);
    watched_.erase(found);
    calling_ = id;
    lock.unlock();
    on_end(WhyEnded(ended));
    lock.lock();
    calling_ = 0;
    changed_.notify_all();
  }
}

}  // namespace dmgr::rpc
