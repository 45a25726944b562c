// Work that waits for others (hosts, HTTP servers, a disk), on a bounded number of threads.
#ifndef DMGR_COMMON_THREAD_POOL_H_
#define DMGR_COMMON_THREAD_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace dmgr {

// A pool for a whole server. Whoever has work takes part in it himself, the pool's threads only
// help as far as they are free. So the work always ends: when the pool is used up, when a thread of
// the pool asks the pool for more, and when the operating system refuses new threads; it only takes
// longer then. All methods may be called by any thread.
class ThreadPool {
 public:
  // Threads are made when they are needed first, and kept. At most max_waiting pieces of work wait
  // for help; what comes beyond gets none.
  explicit ThreadPool(std::size_t max_threads, std::size_t max_waiting = 1024);
  // Nobody may be at work in it any more.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls work(0) ... work(count - 1), at most max_parallel at once, and returns when all have
  // ended. When one throws, no further one begins, and the first exception is thrown again here
  // after those that had begun.
  void ForEach(std::size_t count, std::size_t max_parallel,
               const std::function<void(std::size_t index)>& work);
  // Calls all of them at once, as far as there are threads, and returns when all have ended.
  // Exceptions as with ForEach.
  void RunAll(std::initializer_list<std::function<void()>> works);

 private:
  class Batch;

  // Lets at most `helpers` threads join in.
  void AskForHelp(const std::shared_ptr<Batch>& batch, std::size_t helpers);
  void Withdraw(const std::shared_ptr<Batch>& batch);
  void Help();

  const std::size_t max_threads_;
  const std::size_t max_waiting_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Batch>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

// A thread of one's own, for what must run beside its maker from the beginning. UNAVAILABLE
// (THREADS_EXHAUSTED) where std::thread would throw: later there may be room again.
absl::StatusOr<std::thread> StartThread(std::function<void()> work);

// Does work that knows no deadline, such as getaddrinfo(), on a thread of its own. True: it has
// ended. False: has_passed, which is asked several times a second, said first that there is no time
// left; the work goes on by itself then, so all that it uses must be its own. UNAVAILABLE
// (THREADS_EXHAUSTED) also while kMaxLeftAlone works of this program go on so.
inline constexpr int kMaxLeftAlone = 128;
absl::StatusOr<bool> RunAside(std::function<void()> work, const std::function<bool()>& has_passed);

}  // namespace dmgr

#endif  // DMGR_COMMON_THREAD_POOL_H_
