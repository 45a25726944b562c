#ifndef DMGR_SERVER_ENGINE_ENVIRONMENT_H_
#define DMGR_SERVER_ENGINE_ENVIRONMENT_H_

#include "absl/time/time.h"
#include "server/engine/fault.h"
#include "server/engine/runner.h"
#include "server/engine/slots.h"
#include "server/store/database.h"

namespace dmgr::engine {

// What all executions of an engine share; outlives them.
struct Environment {
  store::Database* database = nullptr;
  const Registry* registry = nullptr;
  ScopeFactory scope_factory;
  Slots* slots = nullptr;
  absl::Duration lease;
  int attempts = 0;
  absl::Duration cancel_grace;
  FaultHook fault_hook;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_ENVIRONMENT_H_
