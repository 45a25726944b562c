// Moments of a step at which a test may let dmgrd fail. Without a hook they are nothing.
#ifndef DMGR_SERVER_ENGINE_FAULT_H_
#define DMGR_SERVER_ENGINE_FAULT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace dmgr::engine {

enum class Moment {
  // The operation is claimed; no step yet (the step's id is empty).
  kClaimed,
  // The step is RUNNING by the record; nothing is done.
  kBeforeEffect,
  // It is done, and not recorded.
  kAfterEffect,
  // It is recorded.
  kCommitted,
};

// An error that it returns is taken for the step's own; ignored at kClaimed and kCommitted.
// Called on the steps' threads.
using FaultHook = std::function<absl::Status(Moment moment, const std::string& step_id)>;

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_FAULT_H_
