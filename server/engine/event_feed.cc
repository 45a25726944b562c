#include "server/engine/event_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "common/error.h"
#include "common/thread_pool.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kBatch = 256;
// A notification that got lost costs so much at most.
constexpr absl::Duration kFallbackPeriod = absl::Seconds(5);
constexpr std::chrono::milliseconds kRetryPeriod(500);
// Between two rounds of reading, but for the news that an operation has another state: hosts that
// work side by side end their steps together, and nobody sees more than ten rounds in a second.
constexpr std::chrono::milliseconds kRoundPeriod(100);
// Notifications that are kept for watchers of all operations.
constexpr std::size_t kMaxChanges = 4096;
// Watchers do not notice a database that is away for less.
constexpr std::chrono::seconds kPatience(30);

}  // namespace

struct EventFeed::Impl {
  // Operation and after_sequence: those who wait at the same place share one read.
  using Place = std::pair<std::string, std::uint64_t>;
  struct Waiter {
    Place place;
    std::function<void(absl::Status, Events)> on_events;
  };

  store::Database* database = nullptr;

  std::mutex mutex;  // Guards all below.
  std::condition_variable changed;
  std::map<std::uint64_t, Waiter> waiters;
  std::map<Place, std::set<std::uint64_t>> places;
  struct ChangeWaiter {
    std::uint64_t position = 0;
    std::function<void(const Changes&)> on_changes;
  };
  std::map<std::uint64_t, ChangeWaiter> change_waiters;
  // The last notifications: those after the positions changes_begin, changes_begin + 1, ... Whoever
  // asks for an earlier one is told that anything may have changed.
  std::deque<std::string> changes;
  std::uint64_t changes_begin = 1;
  // Some change waiter has something to be told.
  bool changes_due = false;
  // Places to read.
  std::set<Place> due;
  // One of them at once.
  bool urgent = false;
  // Where an operation's events ended when they were read last; none when there may be more now.
  std::map<std::string, std::uint64_t> ends;
  // Of the read under way: its operation, and whether a notification came since it began.
  std::string read_operation;
  bool notified = false;
  std::uint64_t next_id = 1;
  // Whose on_events is running.
  std::uint64_t calling = 0;
  bool stopping = false;
  std::optional<Clock::time_point> away_since;  // Of the database. Of the reading thread.

  std::optional<store::Listener> listener;
  std::thread reading;

  // A payload of kEventChannel; empty: anything may have changed.
  void OnNotify(const std::string& payload);
  void ReadLoop();
  // Reads what is after the place and hands it over. False: the database is away.
  bool Serve(const Place& place);
  // Calls all change waiters for whom there is something new.
  void CallChangeWaiters();
  Changes ChangesAfter(std::uint64_t position) const;
  std::uint64_t changes_end() const { return changes_begin + changes.size(); }
  // Takes those who wait at a place; each is called unless it is forgotten meanwhile.
  void Call(const Place& place, const absl::Status& status, const Events& events);
  void Remove(std::map<std::uint64_t, Waiter>::iterator waiter);
  // Without the lock while it runs; Forget waits for its end.
  void Calling(std::uint64_t id, std::unique_lock<std::mutex>& lock,
               const std::function<void()>& call);
};

void EventFeed::Impl::OnNotify(const std::string& payload) {
  std::string operation_id = payload;
  const bool is_state = !payload.empty() && payload.back() == store::kStateMark;
  if (is_state) operation_id.pop_back();
  {
    const std::lock_guard lock(mutex);
    notified = notified || operation_id.empty() || operation_id == read_operation;
    changes_due = true;
    if (operation_id.empty()) {
      changes_begin = changes_end() + 1;
      changes.clear();
      ends.clear();
      for (const auto& [place, ids] : places) due.insert(place);
    } else {
      changes.push_back(operation_id);
      if (changes.size() > kMaxChanges) {
        changes.pop_front();
        ++changes_begin;
      }
      urgent = urgent || (is_state && !change_waiters.empty());
      ends.erase(operation_id);
      for (auto it = places.lower_bound({operation_id, 0});
           it != places.end() && it->first.first == operation_id; ++it) {
        due.insert(it->first);
        urgent = urgent || is_state;
      }
    }
  }
  changed.notify_all();
}

void EventFeed::Impl::ReadLoop() {
  std::unique_lock lock(mutex);
  auto next_round = Clock::now();
  while (true) {
    const auto has_work = [&] { return !due.empty() || (changes_due && !change_waiters.empty()); };
    changed.wait(lock, [&] { return stopping || has_work(); });
    changed.wait_until(lock, next_round, [&] { return stopping || urgent; });
    if (stopping) return;
    next_round = Clock::now() + kRoundPeriod;
    urgent = false;
    lock.unlock();
    CallChangeWaiters();
    lock.lock();
    // In rounds, so that a busy operation does not keep others waiting.
    std::set<Place> round;
    round.swap(due);
    bool away = false;
    for (const Place& place : round) {
      if (stopping) return;
      if (!places.contains(place)) continue;
      if (!away) {
        lock.unlock();
        away = !Serve(place);
        lock.lock();
      }
      if (away) due.insert(place);
    }
    if (away) changed.wait_for(lock, kRetryPeriod, [&] { return stopping; });
    if (stopping) return;
  }
}

bool EventFeed::Impl::Serve(const Place& place) {
  {
    const std::lock_guard lock(mutex);
    read_operation = place.first;
    notified = false;
  }
  auto events = std::make_shared<std::vector<v1::OperationEvent>>();
  const absl::Status status = database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(*events, store::ListEvents(tx, place.first, place.second, kBatch));
    return absl::OkStatus();
  });
  if (absl::IsUnavailable(status)) {
    const auto now = Clock::now();
    if (!away_since.has_value()) {
      away_since = now;
      spdlog::warn("events of operations cannot be read: {}", Message(status));
    }
    if (now - *away_since < kPatience) return false;
  } else {
    away_since.reset();
  }
  if (!status.ok()) {
    Call(place, status, nullptr);
    return true;
  }
  if (events->size() < kBatch) {
    const std::lock_guard lock(mutex);
    const std::uint64_t end = events->empty() ? place.second : events->back().sequence();
    if (!notified) ends[place.first] = end;
  }
  if (!events->empty()) Call(place, absl::OkStatus(), events);
  return true;
}

EventFeed::Changes EventFeed::Impl::ChangesAfter(std::uint64_t position) const {
  Changes changes_after = {.position = changes_end(), .any = position < changes_begin};
  if (changes_after.any || position > changes_end()) return changes_after;
  const auto first = changes.begin() + static_cast<std::ptrdiff_t>(position - changes_begin);
  changes_after.operation_ids.insert(first, changes.end());
  return changes_after;
}

void EventFeed::Impl::CallChangeWaiters() {
  std::unique_lock lock(mutex);
  changes_due = false;
  std::vector<std::uint64_t> ids;
  for (const auto& [id, waiter] : change_waiters) {
    if (waiter.position != changes_end()) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) {
    const auto waiter = change_waiters.find(id);
    if (waiter == change_waiters.end()) continue;
    if (stopping) return;
    const Changes told = ChangesAfter(waiter->second.position);
    const auto on_changes = std::move(waiter->second.on_changes);
    change_waiters.erase(waiter);
    Calling(id, lock, [&] { on_changes(told); });
  }
}

void EventFeed::Impl::Calling(std::uint64_t id, std::unique_lock<std::mutex>& lock,
                              const std::function<void()>& call) {
  calling = id;
  lock.unlock();
  call();
  lock.lock();
  calling = 0;
  changed.notify_all();
}

void EventFeed::Impl::Call(const Place& place, const absl::Status& status, const Events& events) {
  std::unique_lock lock(mutex);
  const auto found = places.find(place);
  if (found == places.end()) return;
  // Those who come to the place from now on are for the next time.
  const std::set<std::uint64_t> ids = found->second;
  for (const std::uint64_t id : ids) {
    const auto waiter = waiters.find(id);
    if (waiter == waiters.end()) continue;
    if (stopping) return;
    const auto on_events = std::move(waiter->second.on_events);
    Remove(waiter);
    Calling(id, lock, [&] { on_events(status, events); });
  }
}

void EventFeed::Impl::Remove(std::map<std::uint64_t, Waiter>::iterator waiter) {
  const auto place = places.find(waiter->second.place);
  place->second.erase(waiter->first);
  if (place->second.empty()) places.erase(place);
  waiters.erase(waiter);
}

EventFeed::EventFeed(store::Database* database, const std::string& dsn)
    : impl_(std::make_unique<Impl>()) {
  impl_->database = database;
  impl_->reading = StartThread([impl = impl_.get()] { impl->ReadLoop(); }).value();
  impl_->listener.emplace(
      dsn, store::kEventChannel, kFallbackPeriod,
      [impl = impl_.get()](const std::string& payload) { impl->OnNotify(payload); });
}

EventFeed::~EventFeed() {
  impl_->listener.reset();
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->reading.join();
}

std::uint64_t EventFeed::Next(const std::string& operation_id, std::uint64_t after_sequence,
                              std::function<void(absl::Status, Events)> on_events) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->next_id++;
    const Impl::Place place(operation_id, after_sequence);
    impl_->waiters[id] = {place, std::move(on_events)};
    impl_->places[place].insert(id);
    const auto end = impl_->ends.find(operation_id);
    const bool at_end = end != impl_->ends.end() && end->second == after_sequence;
    if (!at_end) impl_->due.insert(place);
  }
  impl_->changed.notify_all();
  return id;
}

std::uint64_t EventFeed::NextChanges(std::uint64_t position,
                                     std::function<void(const Changes&)> on_changes) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->next_id++;
    impl_->change_waiters[id] = {position, std::move(on_changes)};
    impl_->changes_due = impl_->changes_due || position != impl_->changes_end();
  }
  impl_->changed.notify_all();
  return id;
}

void EventFeed::Forget(std::uint64_t id) {
  std::unique_lock lock(impl_->mutex);
  if (impl_->change_waiters.erase(id) > 0) return;
  const auto waiter = impl_->waiters.find(id);
  if (waiter != impl_->waiters.end()) return impl_->Remove(waiter);
  // From within its own on_events nothing is to be waited for.
  if (std::this_thread::get_id() == impl_->reading.get_id()) return;
  impl_->changed.wait(lock, [&] { return impl_->calling != id; });
}

bool IsEnded(v1::OperationState state) {
  return state == v1::OPERATION_STATE_SUCCEEDED || state == v1::OPERATION_STATE_FAILED ||
         state == v1::OPERATION_STATE_CANCELLED || state == v1::OPERATION_STATE_ROLLED_BACK;
}

}  // namespace dmgr::engine
