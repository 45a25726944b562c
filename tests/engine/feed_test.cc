// Watchers of events.
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "server/engine/event_feed.h"
#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::TestDsn;

// Follows one operation as server/rpc does: one batch at a time.
class Watcher {
 public:
  Watcher(EventFeed* feed, std::string id) : feed_(feed), id_(std::move(id)) {}
  ~Watcher() { feed_->Forget(asked_); }
  // Asks for the next batch; again each time until it has seen `last`, unless it is to be slow.
  void Ask(std::uint64_t last, bool slow = false) {
    asked_ = feed_->Next(id_, seen(), [this, last, slow](absl::Status status, EventFeed::Events e) {
      bool more = false;
      {
        const std::lock_guard lock(mutex_);
        status_ = status;
        ++calls_;
        if (e != nullptr) {
          largest_ = std::max(largest_, e->size());
          for (const auto& event : *e) events_.push_back(event.SerializeAsString());
          if (!e->empty()) sequence_ = e->back().sequence();
        }
        more = status.ok() && sequence_ < last && !slow;
      }
      if (more) {
        Ask(last);
        return;
      }
      const std::lock_guard lock(mutex_);
      done_ = true;
      changed_.notify_all();
    });
  }
  void AwaitDone() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kPatience, [&] { return done_; }));
    done_ = false;
  }
  std::uint64_t seen() {
    const std::lock_guard lock(mutex_);
    return sequence_;
  }
  // After AwaitDone.
  const std::vector<std::string>& events() const { return events_; }
  std::size_t largest() const { return largest_; }
  const absl::Status& status() const { return status_; }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  EventFeed* feed_;
  const std::string id_;
  std::atomic<std::uint64_t> asked_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t sequence_ = 0;
  std::vector<std::string> events_;
  std::size_t largest_ = 0;
  absl::Status status_;
  int calls_ = 0;
  bool done_ = false;
};

std::vector<std::string> Serialized(const std::vector<v1::OperationEvent>& events) {
  std::vector<std::string> result;
  for (const auto& event : events) result.push_back(event.SerializeAsString());
  return result;
}

// An operation with 2 + 2 + lines + 1 events, which runs when an engine is there.
std::string InsertTalker(World& world, int lines, const std::string& cluster = "c1") {
  world.On("talk", [lines](StepContext& context) {
    for (int i = 0; i < lines; ++i) context.Log(v1::LogLine::LEVEL_INFO, std::to_string(i));
    return StepResult();
  });
  return world.Insert({MakeStep("a", "h1", {}, "talk")}, cluster);
}

// What the feed says next.
EventFeed::Changes AwaitChanges(EventFeed& feed, std::uint64_t position) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<EventFeed::Changes> seen;
  feed.NextChanges(position, [&](const EventFeed::Changes& changes) {
    const std::lock_guard lock(mutex);
    seen = changes;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, kPatience, [&] { return seen.has_value(); }));
  return *seen;
}

TEST_CASE("a watcher of all operations is told which have changed") {
  const TestDsn dsn;
  World world(dsn.dsn());
  EventFeed feed(&world.db(), dsn.dsn());
  // Whoever comes first has seen nothing.
  EventFeed::Changes changes = AwaitChanges(feed, 0);
  CHECK(changes.any);
  CHECK(changes.operation_ids.empty());
  const std::string one = world.Insert({MakeStep("a", "h1")}, "c1");
  const std::string two = world.Insert({MakeStep("a", "h1")}, "c2");
  std::set<std::string> missing = {one, two};
  while (!missing.empty()) {
    changes = AwaitChanges(feed, changes.position);
    // At times anything may have changed.
    if (changes.any) break;
    for (const std::string& id : changes.operation_ids) {
      CHECK((id == one || id == two));
      missing.erase(id);
    }
  }
  // A position that was not given by this feed, as after a restart.
  CHECK(AwaitChanges(feed, 0).any);
}

TEST_CASE("a watcher of all operations that is forgotten is not called") {
  const TestDsn dsn;
  World world(dsn.dsn());
  EventFeed feed(&world.db(), dsn.dsn());
  const std::uint64_t now = AwaitChanges(feed, 0).position;
  std::atomic<bool> called = false;
  const std::uint64_t id = feed.NextChanges(now, [&](const EventFeed::Changes&) { called = true; });
  feed.Forget(id);
  called = false;
  world.Insert({MakeStep("a", "h1")}, "c1");
  AwaitChanges(feed, now);
  CHECK_FALSE(called);
}

TEST_CASE("a thousand watchers see the same, each event once and in order") {
  const TestDsn dsn;
  World world(dsn.dsn());
  constexpr int kLines = 300;
  const std::string id = InsertTalker(world, kLines);
  const std::string other = world.Insert({MakeStep("b", "h1")}, "c2");
  EventFeed feed(&world.db(), dsn.dsn());
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 1000; ++i) watchers.push_back(std::make_unique<Watcher>(&feed, id));
  Watcher watcher_of_other(&feed, other);
  // Half of them from before it runs, half meanwhile.
  for (std::size_t i = 0; i < 500; ++i) watchers[i]->Ask(kLines + 5);
  watcher_of_other.Ask(5);
  const auto engine = world.NewEngine();
  for (std::size_t i = 500; i < 1000; ++i) watchers[i]->Ask(kLines + 5);
  for (const auto& watcher : watchers) watcher->AwaitDone();
  watcher_of_other.AwaitDone();
  world.AwaitEnd(id);
  const auto expected = Serialized(world.Events(id));
  REQUIRE(expected.size() == kLines + 5);
  int wrong = 0;
  for (const auto& watcher : watchers) wrong += watcher->events() == expected ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(watcher_of_other.events() == Serialized(world.Events(other)));
}

TEST_CASE("a slow watcher delays nobody and misses nothing") {
  const TestDsn dsn;
  World world(dsn.dsn());
  constexpr int kLines = 600;
  const std::string id = InsertTalker(world, kLines);
  EventFeed feed(&world.db(), dsn.dsn());
  Watcher slow(&feed, id);
  Watcher quick(&feed, id);
  slow.Ask(kLines + 5, true);  // One batch, and no further question until the quick one is done.
  quick.Ask(kLines + 5);
  const auto engine = world.NewEngine();
  quick.AwaitDone();
  slow.AwaitDone();
  CHECK(slow.calls() == 1);
  CHECK(slow.seen() < kLines + 5);
  slow.Ask(kLines + 5);
  slow.AwaitDone();
  CHECK(slow.events() == quick.events());
  CHECK(slow.largest() == 256);
  CHECK(quick.events().size() == kLines + 5);
}

TEST_CASE("a watcher that is forgotten is called no more; others are") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = InsertTalker(world, 10);
  EventFeed feed(&world.db(), dsn.dsn());
  std::atomic<int> calls = 0;
  // Nothing comes after event 1 until an engine runs.
  const std::uint64_t asked =
      feed.Next(id, 1, [&](const absl::Status&, const EventFeed::Events&) { ++calls; });
  Watcher stays(&feed, id);
  stays.Ask(15);
  feed.Forget(asked);
  feed.Forget(asked);
  const auto engine = world.NewEngine();
  stays.AwaitDone();
  CHECK(calls == 0);
}

TEST_CASE("to forget waits for a call that runs, unless it is from within") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = world.Insert({});
  EventFeed feed(&world.db(), dsn.dsn());
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t asked = 0;
  bool entered = false, forgotten = false, forgotten_within = false, done = false;
  const auto await = [&](const bool& condition) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, kPatience, [&] { return condition; }));
  };
  {
    const std::lock_guard lock(mutex);
    asked = feed.Next(id, 0, [&](const absl::Status&, const EventFeed::Events&) {
      std::unique_lock call_lock(mutex);
      entered = true;
      changed.notify_all();
      feed.Forget(asked);
      // What must not happen can be given a moment only.
      forgotten_within =
          changed.wait_for(call_lock, std::chrono::milliseconds(200), [&] { return forgotten; });
      done = true;
    });
  }
  await(entered);
  std::thread forgetter([&] {
    feed.Forget(asked);
    const std::lock_guard lock(mutex);
    forgotten = true;
    changed.notify_all();
  });
  forgetter.join();
  await(forgotten);
  CHECK(done);
  CHECK_FALSE(forgotten_within);
}

TEST_CASE("a watcher of nothing gets an error") {
  const TestDsn dsn;
  World world(dsn.dsn());
  EventFeed feed(&world.db(), dsn.dsn());
  Watcher watcher(&feed, "no id");
  watcher.Ask(1);
  watcher.AwaitDone();
  CHECK_FALSE(watcher.status().ok());
  CHECK(watcher.events().empty());
}

TEST_CASE("a feed ends while watchers wait") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = world.Insert({});
  std::atomic<int> calls = 0;
  {
    EventFeed feed(&world.db(), dsn.dsn());
    feed.Next(id, 1, [&](const absl::Status&, const EventFeed::Events&) { ++calls; });
  }
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  CHECK(calls == 0);
}

TEST_CASE("when an operation has ended") {
  CHECK(IsEnded(v1::OPERATION_STATE_SUCCEEDED));
  CHECK(IsEnded(v1::OPERATION_STATE_FAILED));
  CHECK(IsEnded(v1::OPERATION_STATE_CANCELLED));
  CHECK(IsEnded(v1::OPERATION_STATE_ROLLED_BACK));
  CHECK_FALSE(IsEnded(v1::OPERATION_STATE_QUEUED));
  CHECK_FALSE(IsEnded(v1::OPERATION_STATE_RUNNING));
  CHECK_FALSE(IsEnded(v1::OPERATION_STATE_CANCELLING));
  CHECK_FALSE(IsEnded(v1::OPERATION_STATE_ROLLING_BACK));
}

}  // namespace
}  // namespace dmgr::engine
