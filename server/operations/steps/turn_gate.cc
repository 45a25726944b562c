#include "server/operations/steps/turn_gate.h"

#include <algorithm>
#include <utility>

namespace dmgr::operations {

std::optional<TurnGate::Place> TurnGate::TryEnter(const std::string& worker,
                                                  const dm::Members& members, bool keeps_spare) {
  const std::lock_guard lock(mutex_);
  if (!inside_.empty() && keeps_spare) {
    const bool is_spare_left =
        std::any_of(members.workers.begin(), members.workers.end(), [&](const dm::Worker& other) {
          return other.stage == "free" && other.name != worker && !inside_.contains(other.name);
        });
    if (!is_spare_left) return std::nullopt;
  }
  inside_.insert(worker);
  return std::optional<Place>(std::in_place, this, worker);
}

void TurnGate::Leave(const std::string& worker) {
  const std::lock_guard lock(mutex_);
  inside_.erase(worker);
}

}  // namespace dmgr::operations
