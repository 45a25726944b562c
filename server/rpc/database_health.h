// Whether the database answers, for health checks. Private to this room.
#ifndef DMGR_SERVER_RPC_DATABASE_HEALTH_H_
#define DMGR_SERVER_RPC_DATABASE_HEALTH_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::rpc {

// Two threads: a question to a database that hangs may take for ever, and what comes of that is to
// be said all the same.
class DatabaseHealth {
 public:
  struct Options {
    absl::Duration period = absl::Seconds(1);
    // What has not answered by then is away.
    absl::Duration patience = absl::Seconds(5);
  };
  // ask: whether it answers; may take its time. tell: called with each change, the first time after
  // one that was no answer: until then it counts as there. UNAVAILABLE, THREADS_EXHAUSTED.
  static absl::StatusOr<std::unique_ptr<DatabaseHealth>> Start(
      std::function<bool()> ask, std::function<void(bool answers)> tell, const Options& options);
  // Waits for a question that is under way.
  ~DatabaseHealth();
  DatabaseHealth(const DatabaseHealth&) = delete;
  DatabaseHealth& operator=(const DatabaseHealth&) = delete;

 private:
  DatabaseHealth(std::function<bool()> ask, std::function<void(bool answers)> tell,
                 const Options& options)
      : ask_(std::move(ask)), tell_(std::move(tell)), options_(options) {}
  void AskLoop();
  void JudgeLoop();

  const std::function<bool()> ask_;
  const std::function<void(bool answers)> tell_;
  const Options options_;
  std::mutex mutex_;  // Guards all below but the threads.
  std::condition_variable changed_;
  bool ending_ = false;
  // Since when the question that is under way has waited; InfiniteFuture: none is.
  absl::Time asked_ = absl::InfiniteFuture();
  bool answers_ = true;
  std::thread asking_;
  std::thread judging_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_DATABASE_HEALTH_H_
