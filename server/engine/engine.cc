#include "server/engine/engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "common/error.h"
#include "server/engine/execution.h"
#include "server/engine/owner.h"
#include "server/engine/plan.h"
#include "server/engine/slots.h"

namespace dmgr::engine {
namespace {

// Leases run out without a notification.
constexpr std::chrono::seconds kClaimPeriod(2);
constexpr absl::Duration kMaxGrace = absl::Hours(24);

}  // namespace

struct Engine::Impl {
  struct Running {
    std::unique_ptr<Execution> execution;
    std::thread thread;
    bool ended = false;
  };

  Impl(int max_steps, int max_ops) : slots(max_steps), max_operations(max_ops) {}

  std::string dsn;
  std::string owner = NewOwner();
  Slots slots;
  Environment environment;
  const std::size_t max_operations;

  std::mutex mutex;  // Guards the next four.
  std::condition_variable changed;
  std::list<Running> running;
  bool woken = true;
  bool stopping = false;

  std::mutex shutdown_mutex;
  std::optional<store::Listener> listener;
  std::thread claimer;
  bool database_away = false;  // Of the claimer.

  void Wake(const std::string& operation_id);
  void ClaimLoop();
  // Until there may be something to claim; false when the engine stops.
  bool Wait();
  bool HasRoom();
  // False when there is none, or the database is away.
  bool ClaimOne();
  void Begin(store::OperationRecord record, Lease::Clock::time_point claimed_at);
  // Takes the claims from processes of this machine that have ended.
  bool ReleaseDead();
  bool Succeeded(const absl::Status& status);
  void Shutdown(absl::Duration grace);
};

void Engine::Impl::Wake(const std::string& operation_id) {
  const std::lock_guard lock(mutex);
  woken = true;
  changed.notify_all();
  // A cancel is announced here as well.
  for (const Running& one : running) {
    if (one.execution->operation_id() == operation_id) one.execution->lease().Look();
  }
}

bool Engine::Impl::Wait() {
  std::list<Running> ended;
  {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kClaimPeriod, [&] { return woken || stopping; });
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

bool Engine::Impl::ReleaseDead() {
  return Succeeded(environment.database->Transact(
      [](store::Transaction& tx) { return store::ReleaseClaimsOf(tx, HasEnded); }));
}

bool Engine::Impl::ClaimOne() {
  const auto asked = Lease::Clock::now();
  std::optional<store::OperationRecord> record;
  const absl::Status status =
      environment.database->Transact([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(record, store::ClaimOperation(tx, owner, kPlanFormat, environment.lease));
        return absl::OkStatus();
      });
  if (!Succeeded(status) || !record.has_value()) return false;
  try {
    Begin(*std::move(record), asked);
  } catch (const std::system_error& e) {
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
    one->thread = std::thread([this, one] {
      one->execution->Run();
      const std::lock_guard ended_lock(mutex);
      one->ended = woken = true;
      changed.notify_all();
    });
  } catch (...) {
    running.pop_back();
    throw;
  }
}

void Engine::Impl::ClaimLoop() {
  bool released_dead = false;
  while (Wait()) {
    if (!released_dead) released_dead = ReleaseDead();
    while (HasRoom() && ClaimOne()) {
    }
  }
}

void Engine::Impl::Shutdown(absl::Duration grace) {
  const std::lock_guard shutdown_lock(shutdown_mutex);
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    changed.notify_all();
  }
  listener.reset();
  if (claimer.joinable()) claimer.join();
  // From here on `running` changes no more.
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
  running.clear();
}

Engine::Engine(store::Database* database, const std::string& dsn, const Registry* registry,
               ScopeFactory scope_factory, EngineOptions options)
    : impl_(std::make_unique<Impl>(options.max_steps, options.max_operations)) {
  impl_->dsn = dsn;
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
  impl_->claimer = std::thread([impl = impl_.get()] { impl->ClaimLoop(); });
  // The claimer's own period covers what a listener without a connection misses.
  impl_->listener.emplace(impl_->dsn, store::kQueueChannel, absl::Hours(1),
                          [impl = impl_.get()](const std::string& id) { impl->Wake(id); });
}

void Engine::Shutdown(absl::Duration grace) { impl_->Shutdown(grace); }

}  // namespace dmgr::engine
