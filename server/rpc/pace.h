// Ends streams whose caller sends too little. Private to this room.
#ifndef DMGR_SERVER_RPC_PACE_H_
#define DMGR_SERVER_RPC_PACE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace dmgr::rpc {

// Thread-safe; outlives its runners.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // A stream must bring `least` bytes in every `period` in which it is waited for.
  Pace(std::size_t least, absl::Duration period)
      : least_(least), period_(absl::ToChronoNanoseconds(period)) {}
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  // One stream. What is done with what it brought does not count as its time.
  class Runner {
   public:
    // stop: called at most once, by whoever calls Look; makes a wait that is under way end.
    Runner(Pace* pace, std::function<void()> stop);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    // Around each wait for a message.
    void BeginWait();
    void EndWait(std::size_t bytes);
    // ABORTED (UPLOAD_TOO_SLOW) once it was stopped.
    absl::Status status() const;

   private:
    friend class Pace;
    // Under the pace's lock.
    void Look(Clock::time_point now);

    Pace* const pace_;
    const std::function<void()> stop_;
    bool is_waited_for_ = false;
    bool is_slow_ = false;
    Clock::time_point began_{};
    Clock::duration waited_{};
    std::size_t bytes_ = 0;
  };

  // Stops those that are too slow; to be called about every second.
  void Look(Clock::time_point now = Clock::now());

 private:
  const std::size_t least_;
  const Clock::duration period_;
  mutable std::mutex mutex_;  // Guards all below, and the runners' fields.
  std::set<Runner*> runners_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_PACE_H_
