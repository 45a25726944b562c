#include "server/engine/engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "common/error.h"
#include "common/thread_pool.h"
#include "server/engine/execution.h"
#include "server/engine/owner.h"
#include "server/engine/plan.h"
#include "server/engine/slots.h"

namespace dmgr::engine {
namespace {

// Leases run out, and others end, without a notification.
constexpr std::chrono::milliseconds kClaimPeriod(2000);
// The same while this engine's session is young: most are started after another one has ended.
constexpr std::chrono::milliseconds kYoungPeriod(100);
constexpr absl::Duration kYoung = absl::Seconds(3);
// When this engine's session is so old, those of others that live are there again as well, should
// the server have ended them all.
constexpr absl::Duration kSettled = absl::Milliseconds(500);
// An engine without a session of its own for so long says so.
constexpr std::chrono::seconds kSessionPatience(5);
constexpr std::chrono::seconds kBeyondPeriod(60);
constexpr absl::Duration kMaxGrace = absl::Hours(24);
// So many dmgrd may end with an operation in their hands before it waits for a person.
constexpr int kMaxLostClaims = 10;
// A large plan may not be read in the time for a statement, or the database be lost in the midst.
constexpr int kMaxReads = 3;

}  // namespace

struct Engine::Impl {
  using Clock = Lease::Clock;
  struct Running {
    std::unique_ptr<Execution> execution;
    std::thread thread;
    bool ended = false;
  };

  explicit Impl(const EngineOptions& options)
      : holds_data_folder(options.holds_data_folder),
        slots(options.max_steps),
        max_operations(options.max_operations) {}

  std::string dsn;
  const bool holds_data_folder;
  const std::string owner = NewOwner(holds_data_folder);
  store::Abilities abilities;
  Slots slots;
  Environment environment;
  const std::size_t max_operations;

  std::mutex mutex;  // Guards the next four.
  std::condition_variable changed;
  std::list<Running> running;
  bool woken = true;
  bool stopping = false;

  std::mutex shutdown_mutex;
  // Made before the claimer, and there until the last operation is let go: by its session others
  // see that this engine lives.
  std::optional<store::Listener> listener;
  std::thread claimer;
  std::atomic<Clock::rep> looked_at = Clock::now().time_since_epoch().count();

  // Of the claimer.
  bool database_away = false;
  Clock::time_point had_session = Clock::now();
  Clock::time_point next_beyond = Clock::time_point::min();
  std::set<std::string> beyond;
  // How often in a row operations could not be read when they were claimed.
  std::map<std::string, int> unread;

  // A payload of kQueueChannel; empty: anything may have changed.
  void Wake(const std::string& operation_id);
  void ClaimLoop();
  // Until there may be something to claim; false when the engine stops.
  bool Wait();
  // Whether this engine may claim, that is, is present.
  bool HasSession();
  bool HasRoom();
  // False when there is none, or the database is away.
  bool ClaimOne();
  void Begin(store::OperationRecord record, Lease::Clock::time_point claimed_at);
  // Takes the claims from owners that have ended, and parks what they all end by.
  bool ReleaseDead();
  // After a claim that failed. Whether to look for another operation.
  bool PassOver(const std::string& operation_id, const absl::Status& why);
  absl::StatusOr<bool> IsGone(store::Transaction& tx, const std::string& other) const;
  // Says which operations wait for a newer dmgrd.
  void ReportBeyond();
  bool Succeeded(const absl::Status& status);
  void Shutdown(absl::Duration grace);
};

void Engine::Impl::Wake(const std::string& operation_id) {
  const std::lock_guard lock(mutex);
  woken = true;
  changed.notify_all();
  // A cancel is announced here as well; and while there was no session, claims may have been taken.
  for (const Running& one : running) {
    const bool concerned = operation_id.empty() || one.execution->operation_id() == operation_id;
    if (concerned) one.execution->lease().Look();
  }
}

bool Engine::Impl::Wait() {
  std::list<Running> ended;
  const bool young = listener->PresentFor().value_or(absl::ZeroDuration()) < kYoung;
  {
    std::unique_lock lock(mutex);
    looked_at = Clock::now().time_since_epoch().count();
    changed.wait_for(lock, young ? kYoungPeriod : kClaimPeriod, [&] { return woken || stopping; });
    woken = false;
    if (stopping) return false;
    for (auto it = running.begin(); it != running.end();) {
      const auto next = std::next(it);
      if (it->ended) ended.splice(ended.end(), running, it);
      it = next;
    }
  }
  for (Running& one : ended) one.thread.join();
  return true;
}

bool Engine::Impl::HasRoom() {
  const std::lock_guard lock(mutex);
  return !stopping && running.size() < max_operations;
}

bool Engine::Impl::Succeeded(const absl::Status& status) {
  if (!status.ok() && !database_away) {
    spdlog::error("operations cannot be claimed: {}", Message(status));
  }
  database_away = !status.ok();
  return status.ok();
}

bool Engine::Impl::HasSession() {
  const auto now = Clock::now();
  if (listener->PresentFor().has_value()) {
    had_session = now;
    return true;
  }
  if (now - had_session > kSessionPatience) {
    Succeeded(Error(absl::StatusCode::kUnavailable, "NO_SESSION",
                    "this dmgrd has no session at the database to be seen by"));
  }
  return false;
}

absl::StatusOr<bool> Engine::Impl::IsGone(store::Transaction& tx, const std::string& other) const {
  if (other == owner) return false;
  if (HasEnded(other, holds_data_folder)) return true;
  if (listener->PresentFor().value_or(absl::ZeroDuration()) < kSettled) return false;
  if (!IsPresentWhileAlive(other)) return false;
  return store::IsAbsent(tx, other);
}

bool Engine::Impl::ReleaseDead() {
  std::vector<std::string> parked;
  const absl::Status status =
      environment.database->Transact([&](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(store::ReleaseClaimsOf(
            tx, [&](const std::string& other) { return IsGone(tx, other); }));
        ASSIGN_OR_RETURN(parked, store::ParkCrashing(tx, kMaxLostClaims));
        return absl::OkStatus();
      });
  if (!Succeeded(status)) return false;
  for (const std::string& id : parked) {
    spdlog::error("operation {}: {} dmgrd ended while they executed it: it waits for a person", id,
                  kMaxLostClaims);
  }
  return true;
}

bool Engine::Impl::PassOver(const std::string& operation_id, const absl::Status& why) {
  const bool may_pass =
      absl::IsUnavailable(why) || absl::IsAborted(why) || absl::IsResourceExhausted(why);
  if (may_pass && ++unread[operation_id] < kMaxReads) return false;
  bool parked = false;
  const absl::Status status =
      environment.database->Transact([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(parked, store::ParkUnreadable(tx, operation_id, why));
        return absl::OkStatus();
      });
  unread.erase(operation_id);
  if (status.ok()) {
    if (parked) spdlog::error("operation {}: it cannot be read: {}", operation_id, Message(why));
    return true;
  }
  if (absl::IsUnavailable(status)) return Succeeded(status);
  spdlog::error("operation {}: it can neither be read nor ended, and is left out: {}", operation_id,
                Message(status));
  abilities.except.push_back(operation_id);
  return true;
}

void Engine::Impl::ReportBeyond() {
  if (Clock::now() < next_beyond) return;
  next_beyond = Clock::now() + kBeyondPeriod;
  std::vector<std::string> ids;
  const absl::Status status =
      environment.database->Read([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(ids, store::ListBeyond(tx, abilities));
        return absl::OkStatus();
      });
  if (!Succeeded(status)) return;
  for (const std::string& id : ids) {
    if (beyond.contains(id)) continue;
    spdlog::warn(
        "operation {}: it is of a kind, has steps or a form that this dmgrd does not know: it "
        "waits "
        "for one of the version that made it, or for its cancel",
        id);
  }
  beyond = {ids.begin(), ids.end()};
}

bool Engine::Impl::ClaimOne() {
  const auto asked = Lease::Clock::now();
  std::optional<store::OperationRecord> record;
  std::string found;
  const absl::Status status =
      environment.database->Transact([&](store::Transaction& tx) -> absl::Status {
        found.clear();
        ASSIGN_OR_RETURN(record,
                         store::ClaimOperation(tx, owner, abilities, environment.lease, &found));
        return absl::OkStatus();
      });
  if (!status.ok() && !found.empty()) return PassOver(found, status);
  if (status.ok()) unread.clear();
  if (!Succeeded(status) || !record.has_value()) return false;
  try {
    Begin(*std::move(record), asked);
  } catch (const std::exception& e) {
    spdlog::error("no thread for an operation, it waits for its lease to end: {}", e.what());
    return false;
  }
  return true;
}

void Engine::Impl::Begin(store::OperationRecord record, Lease::Clock::time_point claimed_at) {
  auto execution = std::make_unique<Execution>(&environment, std::move(record), claimed_at);
  const std::lock_guard lock(mutex);
  running.push_back({std::move(execution), {}, false});
  Running* one = &running.back();
  try {
    one->thread = StartThread([this, one] {
                    one->execution->Run();
                    const std::lock_guard ended_lock(mutex);
                    one->ended = woken = true;
                    changed.notify_all();
                  }).value();
  } catch (...) {
    running.pop_back();
    throw;
  }
}

void Engine::Impl::ClaimLoop() {
  while (Wait()) {
    if (!HasSession() || !ReleaseDead()) continue;
    while (HasRoom() && ClaimOne()) {
    }
    ReportBeyond();
  }
}

void Engine::Impl::Shutdown(absl::Duration grace) {
  const std::lock_guard shutdown_lock(shutdown_mutex);
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    changed.notify_all();
  }
  if (claimer.joinable()) claimer.join();
  // From here on `running` gets no more.
  for (const Running& one : running) one.execution->lease().Stop();
  {
    std::unique_lock lock(mutex);
    changed.wait_for(
        lock, absl::ToChronoMilliseconds(std::clamp(grace, absl::ZeroDuration(), kMaxGrace)), [&] {
          return std::all_of(running.begin(), running.end(),
                             [](const Running& one) { return one.ended; });
        });
  }
  for (const Running& one : running) one.execution->lease().Abort();
  for (Running& one : running) one.thread.join();
  listener.reset();
  running.clear();
}

Engine::Engine(store::Database* database, const std::string& dsn, const Registry* registry,
               ScopeFactory scope_factory, EngineOptions options)
    : impl_(std::make_unique<Impl>(options)) {
  impl_->dsn = dsn;
  impl_->abilities = {.plan_format = kPlanFormat, .runners = registry->Names()};
  impl_->environment = {.database = database,
                        .registry = registry,
                        .scope_factory = std::move(scope_factory),
                        .slots = &impl_->slots,
                        .lease = options.lease,
                        .attempts = options.attempts,
                        .cancel_grace = options.cancel_grace,
                        .fault_hook = std::move(options.fault_hook)};
}

Engine::~Engine() { Shutdown(absl::ZeroDuration()); }

void Engine::Start() {
  // The claimer's own period covers what a listener without a connection misses.
  impl_->listener.emplace(
      impl_->dsn, store::kQueueChannel, absl::Hours(1),
      [impl = impl_.get()](const std::string& id) { impl->Wake(id); }, impl_->owner);
  impl_->claimer = StartThread([impl = impl_.get()] { impl->ClaimLoop(); }).value();
}

absl::Duration Engine::Silence() const {
  return absl::FromChrono(Lease::Clock::now() -
                          Lease::Clock::time_point(Lease::Clock::duration(impl_->looked_at)));
}

void Engine::Shutdown(absl::Duration grace) { impl_->Shutdown(grace); }

}  // namespace dmgr::engine
