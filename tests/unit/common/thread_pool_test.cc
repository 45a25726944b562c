// The pool of threads: all work ends, whatever is short.
#include "common/thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/error.h"
#include "tests/support/eventually.h"

namespace dmgr {
namespace {

// How many are at work at once, and the most that ever were.
class Gauge {
 public:
  void Enter() {
    const int now = ++now_;
    int seen = most_;
    while (now > seen && !most_.compare_exchange_weak(seen, now)) {
    }
  }
  void Leave() { --now_; }
  int most() const { return most_; }

 private:
  std::atomic<int> now_ = 0;
  std::atomic<int> most_ = 0;
};

// While it lives no thread can be made: the stack that new ones are given has no room.
class NoThreads {
 public:
  NoThreads() {
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t huge;
    REQUIRE(pthread_attr_init(&huge) == 0);
    REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 46) == 0);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

// Each index once, whatever order.
bool DoesAll(ThreadPool* pool, std::size_t count, std::size_t max_parallel) {
  std::vector<std::atomic<int>> calls(count);
  pool->ForEach(count, max_parallel, [&](std::size_t i) { ++calls[i]; });
  return std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; });
}

TEST_CASE("each piece of work is done once") {
  for (const std::size_t threads : {0U, 1U, 3U, 16U}) {
    ThreadPool pool(threads);
    for (const std::size_t count : {0U, 1U, 2U, 100U}) {
      for (const std::size_t max_parallel : {1U, 2U, 1000U}) {
        CAPTURE(threads, count, max_parallel);
        CHECK(DoesAll(&pool, count, max_parallel));
      }
    }
  }
}

TEST_CASE("work is done at once, by as many as there are threads and the caller") {
  constexpr int kThreads = 3;
  ThreadPool pool(kThreads);
  // Ends only when all four are there.
  std::latch all(kThreads + 1);
  pool.ForEach(kThreads + 1, 100, [&](std::size_t) { all.arrive_and_wait(); });
  CHECK(all.try_wait());
}

TEST_CASE("no more at once than the caller allows") {
  ThreadPool pool(8);
  Gauge gauge;
  pool.ForEach(200, 3, [&](std::size_t) {
    gauge.Enter();
    std::this_thread::yield();
    gauge.Leave();
  });
  CHECK(gauge.most() <= 3);
}

TEST_CASE("different work runs side by side") {
  ThreadPool pool(2);
  std::latch both(2);
  std::string left, right;
  pool.RunAll({[&] {
                 both.arrive_and_wait();
                 left = "l";
               },
               [&] {
                 both.arrive_and_wait();
                 right = "r";
               }});
  CHECK(left + right == "lr");
}

TEST_CASE("many callers share the threads, and none waits for another") {
  constexpr int kThreads = 4, kCallers = 12;
  ThreadPool pool(kThreads);
  Gauge gauge;
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      pool.ForEach(50, 50, [&](std::size_t) {
        gauge.Enter();
        std::this_thread::yield();
        gauge.Leave();
        ++done;
      });
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(done == kCallers * 50);
  CHECK(gauge.most() <= kThreads + kCallers);
}

TEST_CASE("a pool whose threads are all held up is no obstacle") {
  constexpr std::size_t kThreads = 2;
  ThreadPool pool(kThreads);
  std::latch held(kThreads + 1), free(1);
  std::thread holder([&] {
    pool.ForEach(kThreads + 1, kThreads + 1, [&](std::size_t) {
      held.arrive_and_wait();
      free.wait();
    });
  });
  held.wait();
  CHECK(DoesAll(&pool, 100, 100));
  free.count_down();
  holder.join();
}

TEST_CASE("work of the pool may ask the pool, as deep as it likes") {
  for (const std::size_t threads : {0U, 1U, 2U}) {
    ThreadPool pool(threads);
    std::atomic<int> leaves = 0;
    pool.ForEach(4, 4, [&](std::size_t) {
      pool.ForEach(4, 4, [&](std::size_t) { pool.ForEach(4, 4, [&](std::size_t) { ++leaves; }); });
    });
    CHECK(leaves == 64);
  }
}

TEST_CASE("an exception reaches the caller, and the pool goes on") {
  ThreadPool pool(4);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> begun = 0, ended = 0;
    CHECK_THROWS_WITH(pool.ForEach(100, 100,
                                   [&](std::size_t i) {
                                     ++begun;
                                     std::this_thread::yield();
                                     ++ended;
                                     if (i == 7) throw std::runtime_error("seven");
                                   }),
                      "seven");
    // Nothing of it runs on behind the caller's back.
    CHECK(begun == ended);
    CHECK(DoesAll(&pool, 100, 100));
  }
}

TEST_CASE("of many exceptions one is handed on") {
  ThreadPool pool(4);
  std::latch all(5);
  CHECK_THROWS_AS(pool.ForEach(5, 5,
                               [&](std::size_t) {
                                 all.arrive_and_wait();
                                 throw std::logic_error("each");
                               }),
                  std::logic_error);
  CHECK_THROWS_AS(pool.RunAll({[] {}, [] { throw std::logic_error("one"); }}), std::logic_error);
}

TEST_CASE("what nobody has room to wait for is done by who brings it") {
  ThreadPool pool(2, /*max_waiting=*/0);
  std::set<std::thread::id> workers;
  pool.ForEach(10, 10, [&](std::size_t) { workers.insert(std::this_thread::get_id()); });
  CHECK(workers == std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST_CASE("a thread that cannot be made is an error") {
  const NoThreads none;
  const absl::Status refused = StartThread([] {}).status();
  CHECK(absl::IsUnavailable(refused));
  CHECK(Reason(refused) == "THREADS_EXHAUSTED");
  CHECK_FALSE(Metadata(refused, "remedy").empty());
}

TEST_CASE("without new threads the pool's work ends all the same") {
  ThreadPool pool(4);
  {
    const NoThreads none;
    CHECK(DoesAll(&pool, 100, 100));
  }
  // Later there are some again.
  std::latch all(3);
  pool.ForEach(3, 3, [&](std::size_t) { all.arrive_and_wait(); });
  CHECK(DoesAll(&pool, 100, 100));
}

TEST_CASE("a thread of one's own") {
  std::atomic<bool> ran = false;
  auto thread = StartThread([&] { ran = true; });
  REQUIRE(thread.ok());
  thread->join();
  CHECK(ran);
}

TEST_CASE("work aside that ends is waited for") {
  const auto result = std::make_shared<int>(0);
  const auto ended = RunAside([result] { *result = 7; }, [] { return false; });
  REQUIRE(ended.ok());
  CHECK(*ended);
  CHECK(*result == 7);
  const NoThreads none;
  CHECK(Reason(RunAside([] {}, [] { return false; }).status()) == "THREADS_EXHAUSTED");
}

TEST_CASE("work aside that does not end is left alone, so many times and no more") {
  const auto gate = std::make_shared<std::latch>(1);
  const auto never = [] { return false; };
  int asked = 0;
  for (int i = 0; i < kMaxLeftAlone; ++i) {
    const auto ended = RunAside([gate] { gate->wait(); }, [&] { return ++asked > 0; });
    REQUIRE(ended.ok());
    CHECK_FALSE(*ended);
  }
  CHECK(asked == kMaxLeftAlone);
  const absl::Status refused = RunAside([] {}, never).status();
  CHECK(absl::IsUnavailable(refused));
  CHECK(Reason(refused) == "THREADS_EXHAUSTED");
  CHECK_FALSE(Metadata(refused, "remedy").empty());

  gate->count_down();
  CHECK(testing::Eventually([&] { return RunAside([] {}, never).ok(); }));
}

}  // namespace
}  // namespace dmgr
