#include "server/fault_points.h"

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "common/error.h"

namespace dmgr {

engine::FaultHook FaultHookOfEnvironment() {
  const char* text = std::getenv("DMGR_FAULT");
  if (text == nullptr || *text == '\0') return nullptr;
  static const std::map<std::string, engine::Moment> kMoments = {
      {"claimed", engine::Moment::kClaimed},
      {"before_effect", engine::Moment::kBeforeEffect},
      {"after_effect", engine::Moment::kAfterEffect},
      {"committed", engine::Moment::kCommitted}};
  std::string moment, step, action;
  std::istringstream(text) >> moment >> step >> action;
  const bool known = action == "kill" || action == "pause" || action == "fail";
  if (!kMoments.contains(moment) || !known) {
    throw std::invalid_argument("DMGR_FAULT must be MOMENT STEP kill|pause|fail");
  }
  return [wanted = kMoments.at(moment), step, action,
          done = std::make_shared<std::atomic<bool>>(false)](
             engine::Moment at, const std::string& id) -> absl::Status {
    if (at != wanted || (step != "*" && step != id) || done->exchange(true)) {
      return absl::OkStatus();
    }
    if (action == "fail") {
      return Error(absl::StatusCode::kInternal, "FAULT_POINT", "the fault point of {} was hit", id)
          .Remedy("resume the operation, or roll it back");
    }
    // To this thread: one that the kernel chose would be stopped first, and this one go on with
    // its step for as long as that takes to run.
    raise(action == "kill" ? SIGKILL : SIGSTOP);
    return absl::OkStatus();
  };
}

}  // namespace dmgr
