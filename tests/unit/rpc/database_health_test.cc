#include "server/rpc/database_health.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <vector>

#include "tests/support/eventually.h"

namespace dmgr::rpc {
namespace {

using testing::Eventually;

// What was told, in its order.
class Told {
 public:
  void Add(bool answers) {
    const std::lock_guard lock(mutex_);
    all_.push_back(answers);
  }
  std::vector<bool> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<bool> all_;
};

constexpr DatabaseHealth::Options kQuick = {.period = absl::Milliseconds(5),
                                            .patience = absl::Milliseconds(100)};

TEST_CASE("a database that goes and comes is told of once each way") {
  Told told;
  std::atomic<bool> answers = true;
  std::atomic<int> asked = 0;
  const auto health = DatabaseHealth::Start(
      [&] {
        ++asked;
        return answers.load();
      },
      [&](bool now) { told.Add(now); }, kQuick);
  REQUIRE(health.ok());
  CHECK(Eventually([&] { return asked > 5; }));
  CHECK(told.all().empty());
  answers = false;
  CHECK(Eventually([&] { return told.all() == std::vector<bool>{false}; }));
  const int then = asked;
  CHECK(Eventually([&] { return asked > then + 5; }));
  CHECK(told.all() == std::vector<bool>{false});
  answers = true;
  CHECK(Eventually([&] { return told.all() == std::vector<bool>{false, true}; }));
}

TEST_CASE("a database that hangs is away until it answers") {
  Told told;
  std::atomic<bool> hangs = false;
  const auto health = DatabaseHealth::Start(
      [&] {
        while (hangs) std::this_thread::yield();
        return true;
      },
      [&](bool now) { told.Add(now); }, kQuick);
  REQUIRE(health.ok());
  hangs = true;
  CHECK(Eventually([&] { return told.all() == std::vector<bool>{false}; }));
  hangs = false;
  CHECK(Eventually([&] { return told.all() == std::vector<bool>{false, true}; }));
}

}  // namespace
}  // namespace dmgr::rpc
