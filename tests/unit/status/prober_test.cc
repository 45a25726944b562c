// Many who ask for a cluster's status at once.
#include "server/status/prober.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace dmgr::status {
namespace {

// Looks that end when they are let.
class Looks {
 public:
  Prober::Answer operator()(const std::string& name) {
    std::unique_lock lock(mutex_);
    const int number = ++begun_;
    ++running_;
    most_ = std::max(most_, running_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return number <= allowed_; });
    --running_;
    v1::GetClusterStatusResponse response;
    response.set_cluster_name(name);
    response.set_version(std::to_string(number));
    return response;
  }
  void AwaitBegun(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= count; });
  }
  void Allow(int count) {
    const std::lock_guard lock(mutex_);
    allowed_ = count;
    changed_.notify_all();
  }
  int begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0, running_ = 0, most_ = 0, allowed_ = 0;
};

TEST_CASE("who asks while another looks gets the next look, with all others") {
  Looks looks;
  Prober prober([&](const std::string& name) { return looks(name); });
  std::vector<std::string> versions(20);
  std::atomic<int> asked = 0;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { versions[0] = prober.Probe("demo")->version(); });
  looks.AwaitBegun(1);
  for (std::size_t i = 1; i < versions.size(); ++i) {
    threads.emplace_back([&, i] {
      ++asked;
      versions[i] = prober.Probe("demo")->version();
    });
  }
  while (asked < 19) std::this_thread::yield();
  CHECK(looks.begun() == 1);
  // Another cluster waits for nobody.
  threads.emplace_back([&] { CHECK(prober.Probe("other")->cluster_name() == "other"); });
  looks.AwaitBegun(2);
  looks.Allow(100);
  for (auto& thread : threads) thread.join();
  CHECK(versions[0] == "1");
  // What was seen is never older than the question: nobody else got the first.
  for (std::size_t i = 1; i < versions.size(); ++i) CHECK(versions[i] != "1");
  CHECK(looks.begun() <= 2 + 19);
  CHECK(looks.most() == 2);
}

TEST_CASE("a look that fails or throws keeps nobody waiting") {
  int looks = 0;
  Prober prober([&](const std::string&) -> Prober::Answer {
    if (++looks == 1) throw std::runtime_error("no memory");
    return absl::NotFoundError("gone");
  });
  CHECK_THROWS(prober.Probe("demo"));
  CHECK(absl::IsNotFound(prober.Probe("demo").status()));
}

}  // namespace
}  // namespace dmgr::status
