// Which dm-workers of one operation have their turn at the same time.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TURN_GATE_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TURN_GATE_H_

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "server/dm/client.h"

namespace dmgr::operations {

// Kept in memory only: when the daemon dies nobody is inside any more, and whoever goes on with the
// operation asks again. Thread-safe. Must outlive its places.
class TurnGate {
 public:
  // A turn under way, until it goes.
  class Place {
   public:
    Place(TurnGate* gate, std::string worker) : gate_(gate), worker_(std::move(worker)) {}
    Place(Place&& other) noexcept : gate_(other.gate_), worker_(std::move(other.worker_)) {
      other.gate_ = nullptr;
    }
    Place& operator=(Place&& other) noexcept {
      std::swap(gate_, other.gate_);
      std::swap(worker_, other.worker_);
      return *this;
    }
    ~Place() {
      if (gate_ != nullptr) gate_->Leave(worker_);
    }

   private:
    TurnGate* gate_;
    std::string worker_;
  };

  // A place for a dm-worker, or none for now. With `keeps_spare` one that is free by the list stays
  // outside, for the source of a dm-worker that dies meanwhile. The first one always gets in.
  std::optional<Place> TryEnter(const std::string& worker, const dm::Members& members,
                                bool keeps_spare);

 private:
  void Leave(const std::string& worker);

  std::mutex mutex_;
  std::set<std::string> inside_;  // Guarded by mutex_.
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TURN_GATE_H_
