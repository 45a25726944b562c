// The claim of one operation: keeps it alive, and knows everything that ends the work on it early.
#ifndef DMGR_SERVER_ENGINE_LEASE_H_
#define DMGR_SERVER_ENGINE_LEASE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/database.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

// Renews the claim every third of its length, on a thread of its own. Counts as lost, for good, as
// soon as a write says so, or two thirds of the length after the last renewal that succeeded was
// asked for. Thread-safe.
class Lease {
 public:
  // CLOCK_MONOTONIC.
  using Clock = std::chrono::steady_clock;

  // claimed_at: from before the claim was asked for. on_change: called without a lock, from any
  // thread, when one of the conditions below becomes true.
  Lease(store::Database* database, store::Claim claim, absl::Duration length,
        Clock::time_point claimed_at, std::function<void()> on_change);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const store::Claim& claim() const { return claim_; }

  // The four conditions; each stays once it is true (Held: false).
  bool Held() const;
  bool CancelRequested() const { return cancel_requested_; }
  // When it was first seen; max() before.
  Clock::time_point CancelSeen() const { return Clock::time_point(Clock::duration(cancel_seen_)); }
  bool Stopping() const { return stopping_; }
  bool Aborted() const { return aborted_; }
  // A step may begin.
  bool MayBegin() const { return Held() && !CancelRequested() && !Stopping(); }
  // Steps under way must end at once.
  bool MustEnd() const { return Aborted() || !Held(); }
  // When it will be lost unless it is renewed.
  Clock::time_point HeldUntil() const { return Clock::time_point(Clock::duration(until_)); }

  void RequestCancel();
  // Begin no further step.
  void Stop();
  // Stop(), end what runs, and try no failed write again.
  void Abort();
  void Lose();
  // Renews now, and sees whether a cancel has come in.
  void Look();

  // Waits; returns MayBegin(), early when it becomes false.
  bool Pause(absl::Duration duration);

  // Runs a transaction of the claim's holder, nothing when the claim is lost: ABORTED, LEASE_LOST.
  // Those who come while one is under way are run together in the next: they would only wait for
  // each other's lock on the operation. So work may run on another thread.
  absl::Status TryWrite(const std::function<absl::Status(store::Transaction&)>& work);
  // The same, again and again while the database is away, until the claim is lost. in_doubt: an
  // earlier try may have been committed.
  absl::Status Write(const std::function<absl::Status(store::Transaction&, bool in_doubt)>& work);
  // Before the write that ends the operation, and with it the claim. For one thread.
  void EndRenewal();
  // Gives the claim back for others to take at once.
  void Release();

 private:
  struct Waiting {
    const std::function<absl::Status(store::Transaction&)>* work;
    absl::Status status{};
    bool done = false;
  };
  // Runs all in one transaction, or, when one of them fails, each in its own.
  void RunTogether(const std::vector<Waiting*>& all);
  // Sets one of the conditions.
  void Raise(std::atomic<bool>* condition);
  void RenewLoop();
  // OK, or why it could not be renewed.
  absl::Status Renew();

  store::Database* database_;
  const store::Claim claim_;
  const absl::Duration length_;
  const std::function<void()> on_change_;

  std::atomic<Clock::rep> until_;
  mutable std::atomic<bool> lost_ = false;
  std::atomic<bool> cancel_requested_ = false;
  std::atomic<Clock::rep> cancel_seen_ = Clock::time_point::max().time_since_epoch().count();
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> aborted_ = false;

  std::mutex write_mutex_;  // Guards the next three.
  std::condition_variable written_;
  std::vector<Waiting*> waiting_;
  bool writing_ = false;

  std::mutex mutex_;  // Of changed_; guards look_ and ended_.
  std::condition_variable changed_;
  bool look_ = false;
  bool ended_ = false;
  std::thread renewing_;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_LEASE_H_
