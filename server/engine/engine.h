// Executes stored operations. Any number of engines may share one database.
#ifndef DMGR_SERVER_ENGINE_ENGINE_H_
#define DMGR_SERVER_ENGINE_ENGINE_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/engine/fault.h"
#include "server/engine/runner.h"
#include "server/store/database.h"

namespace dmgr::engine {

struct EngineOptions {
  // A claim lasts this long without renewal; renewed every third of it. On the monotonic clock the
  // engine gives up two thirds into a lease that it cannot renew: before anybody else may begin.
  absl::Duration lease = absl::Seconds(15);
  int max_operations = 8;
  // Steps under way at once, of all operations.
  int max_steps = 32;
  // Of one step, UNAVAILABLE only; waits 1 s, 2 s, ... in between.
  int attempts = 3;
  // What running steps get to end by themselves when the operation is cancelled.
  absl::Duration cancel_grace = absl::Seconds(10);
  // This process holds the lock of the database's data folder, which only one can.
  bool holds_data_folder = false;
  // For tests.
  FaultHook fault_hook = nullptr;
};

// Thread-safe.
class Engine {
 public:
  // registry and database must outlive the engine. dsn: for LISTEN.
  Engine(store::Database* database, const std::string& dsn, const Registry* registry,
         ScopeFactory scope_factory, EngineOptions options);
  // As Shutdown(absl::ZeroDuration()).
  ~Engine();

  // Begins to claim operations, the oldest first, also those that others left: at once when they
  // can be shown to have ended (see owner.h), else when their leases have run out. Those with steps
  // that the registry does not know are left to others.
  void Start();
  // For how long nothing was looked for: seconds at most while the engine and its database do well.
  absl::Duration Silence() const;
  // Claims no more; running steps get `grace` to end, then they are Cancelled(). What is left goes
  // on with the next start or another replica. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_ENGINE_H_
