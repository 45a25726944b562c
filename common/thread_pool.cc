#include "common/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "common/error.h"

namespace dmgr {
namespace {

constexpr std::chrono::milliseconds kLook(20);

// Works that nobody waits for any more.
std::atomic<int> left_alone = 0;

// What a work and whoever waits for it know of each other.
struct AsideState {
  std::mutex mutex;  // Guards all below.
  std::condition_variable changed;
  bool has_ended = false;
  bool is_left_alone = false;
};

}  // namespace

// What one ForEach has to do. A helper that comes after its end finds nothing left, and touches
// nothing of the caller's.
class ThreadPool::Batch {
 public:
  Batch(std::size_t count, const std::function<void(std::size_t)>* work)
      : count_(count), work_(work) {}

  // Takes one after another until nothing is left to begin.
  void Work() {
    std::unique_lock lock(mutex_);
    ++working_;
    while (next_ < count_) {
      const std::size_t index = next_++;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        (*work_)(index);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (thrown != nullptr) {
        next_ = count_;
        if (thrown_ == nullptr) thrown_ = thrown;
      }
    }
    --working_;
    ended_.notify_all();
  }

  // Until all that has begun has ended.
  void Wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return working_ == 0; });
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

 private:
  const std::size_t count_;
  const std::function<void(std::size_t)>* const work_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable ended_;
  std::size_t next_ = 0;
  std::size_t working_ = 0;
  std::exception_ptr thrown_;
};

ThreadPool::ThreadPool(std::size_t max_threads, std::size_t max_waiting)
    : max_threads_(max_threads), max_waiting_(max_waiting) {
  threads_.reserve(max_threads);  // So that no thread is ever made which cannot be kept.
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::ForEach(std::size_t count, std::size_t max_parallel,
                         const std::function<void(std::size_t)>& work) {
  const std::size_t workers = std::min(count, max_parallel);
  const auto batch = std::make_shared<Batch>(count, &work);
  if (workers > 1) AskForHelp(batch, workers - 1);
  batch->Work();
  if (workers > 1) Withdraw(batch);
  batch->Wait();
}

void ThreadPool::RunAll(std::initializer_list<std::function<void()>> works) {
  ForEach(works.size(), works.size(), [&](std::size_t i) { works.begin()[i](); });
}

void ThreadPool::AskForHelp(const std::shared_ptr<Batch>& batch, std::size_t helpers) {
  const std::lock_guard lock(mutex_);
  try {
    for (std::size_t i = 0; i < helpers && waiting_.size() < max_waiting_; ++i) {
      waiting_.push_back(batch);
      if (waiting_.size() <= idle_ || threads_.size() == max_threads_) continue;
      auto thread = StartThread([this] { Help(); });
      if (thread.ok()) threads_.push_back(*std::move(thread));
    }
  } catch (const std::bad_alloc&) {
    // Then with the help that there is: whoever asks must get to the end of its work.
  }
  changed_.notify_all();
}

void ThreadPool::Withdraw(const std::shared_ptr<Batch>& batch) {
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, batch);
}

void ThreadPool::Help() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    --idle_;
    if (ending_) return;
    const auto batch = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    batch->Work();
    lock.lock();
  }
}

absl::StatusOr<std::thread> StartThread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& e) {
    return Error(absl::StatusCode::kUnavailable, "THREADS_EXHAUSTED", "cannot start a thread: {}",
                 e.code().message())
        .Remedy("raise the limits of threads and memory (TasksMax, LimitNPROC), or ask for less");
  }
}

absl::StatusOr<bool> RunAside(std::function<void()> work, const std::function<bool()>& has_passed) {
  if (left_alone >= kMaxLeftAlone) {
    return Error(absl::StatusCode::kUnavailable, "THREADS_EXHAUSTED",
                 "{} threads wait for what does not answer, such as name servers", kMaxLeftAlone)
        .Remedy("see that the name servers of this machine answer, then try again");
  }
  const auto state = std::make_shared<AsideState>();
  auto thread = StartThread([state, work = std::move(work)] {
    work();
    const std::lock_guard lock(state->mutex);
    state->has_ended = true;
    if (state->is_left_alone) --left_alone;
    state->changed.notify_all();
  });
  RETURN_IF_ERROR(thread.status());
  thread->detach();
  std::unique_lock lock(state->mutex);
  while (!state->changed.wait_for(lock, kLook, [&] { return state->has_ended; })) {
    if (!has_passed()) continue;
    state->is_left_alone = true;
    ++left_alone;
    return false;
  }
  return true;
}

}  // namespace dmgr
