// Watchers of tasks that share what is seen.
#include "server/watching/task_feed.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "common/steady_time.h"
#include "tests/support/eventually.h"

namespace dmgr::watching {
namespace {

v1::Task TaskOf(const std::string& cluster, const std::string& name, v1::TaskStage stage) {
  v1::Task task;
  task.set_cluster_name(cluster);
  task.set_task_name(name);
  task.set_stage(stage);
  return task;
}

// Clusters with tasks that somebody changes.
class World {
 public:
  TaskEyes Eyes() {
    return {.look = [this](const std::string& cluster) { return Look(cluster); },
            .clusters = [this]() -> absl::StatusOr<std::set<std::string>> {
              const std::lock_guard lock(mutex_);
              std::set<std::string> names;
              for (const auto& [name, look] : clusters_) names.insert(name);
              return names;
            }};
  }
  void Set(const std::string& cluster, const std::string& name,
           v1::TaskStage stage = v1::TASK_STAGE_RUNNING) {
    const std::lock_guard lock(mutex_);
    tasks_[cluster][name] = stage;
    clusters_.try_emplace(cluster);
  }
  void Drop(const std::string& cluster, const std::string& name) {
    const std::lock_guard lock(mutex_);
    tasks_[cluster].erase(name);
  }
  void Destroy(const std::string& cluster) {
    const std::lock_guard lock(mutex_);
    clusters_.erase(cluster);
  }
  void Unreach(const std::string& cluster, const std::string& why) {
    const std::lock_guard lock(mutex_);
    clusters_[cluster] = why;
  }
  int looks() {
    const std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  absl::StatusOr<TaskLook> Look(const std::string& cluster) {
    const std::lock_guard lock(mutex_);
    ++looks_;
    const auto found = clusters_.find(cluster);
    if (found == clusters_.end()) return absl::NotFoundError("no cluster " + cluster);
    TaskLook look{.unreached = found->second};
    for (const auto& [name, stage] : tasks_[cluster]) {
      look.tasks.push_back(TaskOf(cluster, name, stage));
    }
    return look;
  }

  std::mutex mutex_;
  // Why one is unreached.
  std::map<std::string, std::string> clusters_;
  std::map<std::string, std::map<std::string, v1::TaskStage>> tasks_;
  int looks_ = 0;
};

// One that asks again and again, as a stream does.
class Watcher {
 public:
  Watcher(TaskFeed* feed, TaskQuestion question) : feed_(feed), question_(std::move(question)) {
    question_.interval = absl::Milliseconds(20);
    feed_->Join();
    const std::lock_guard lock(mutex_);
    Ask();
  }
  ~Watcher() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    feed_->Forget(id_);
    feed_->Leave();
  }

  // The next news that are some.
  TaskNews Await() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !news_.empty(); }));
    TaskNews first = std::move(news_.front());
    news_.pop_front();
    return first;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return news_.size();
  }

 private:
  void Ask() {
    id_ = feed_->Next(question_, [this](const TaskNews& news) {
      const std::lock_guard lock(mutex_);
      if (question_.is_first || !news.IsEmpty() || !news.status.ok()) news_.push_back(news);
      question_.is_first = false;
      question_.positions = news.positions;
      changed_.notify_all();
      if (!is_over_ && news.status.ok()) Ask();
    });
  }

  TaskFeed* feed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  TaskQuestion question_;
  std::deque<TaskNews> news_;
  std::uint64_t id_ = 0;
  bool is_over_ = false;
};

using Names = std::vector<std::string>;

Names NamesOf(const TaskNews& news) {
  Names names;
  for (const auto& task : news.tasks) names.push_back(task->task_name());
  return names;
}

TEST_CASE("a watcher is told of all tasks, then of those that change and of those that go") {
  World world;
  world.Set("demo", "a");
  world.Set("demo", "b");
  TaskFeed feed(world.Eyes());
  Watcher watcher(&feed, {.cluster = "demo"});
  CHECK(NamesOf(watcher.Await()) == Names{"a", "b"});
  world.Set("demo", "b", v1::TASK_STAGE_PAUSED);
  const auto changed = watcher.Await();
  REQUIRE(NamesOf(changed) == Names{"b"});
  CHECK(changed.tasks[0]->stage() == v1::TASK_STAGE_PAUSED);
  CHECK(changed.gone.empty());
  world.Drop("demo", "a");
  const auto gone = watcher.Await();
  CHECK(gone.tasks.empty());
  REQUIRE(gone.gone.size() == 1);
  CHECK(gone.gone[0] == std::pair<std::string, std::string>("demo", "a"));
  world.Set("demo", "a");
  CHECK(NamesOf(watcher.Await()) == Names{"a"});
}

TEST_CASE("nobody is told of what stays as it is") {
  World world;
  world.Set("demo", "a");
  world.Set("demo", "b");
  TaskFeed feed(world.Eyes());
  Watcher all(&feed, {.cluster = "demo"});
  Watcher one(&feed, {.cluster = "demo", .tasks = {"a"}});
  all.Await();
  CHECK(NamesOf(one.Await()) == Names{"a"});
  world.Set("demo", "b", v1::TASK_STAGE_PAUSED);
  all.Await();
  const int looks = world.looks();
  REQUIRE(testing::Eventually([&] { return world.looks() > looks + 5; }));
  CHECK(all.waiting() == 0);
  CHECK(one.waiting() == 0);
}

TEST_CASE("many watchers cost as many looks as one, and none when they have gone") {
  World world;
  world.Set("demo", "a");
  TaskFeed feed(world.Eyes());
  const absl::Time begin = SteadyNow();
  {
    std::deque<Watcher> watchers;
    for (int i = 0; i < 50; ++i) watchers.emplace_back(&feed, TaskQuestion{.cluster = "demo"});
    for (auto& watcher : watchers) CHECK(NamesOf(watcher.Await()) == Names{"a"});
    world.Set("demo", "a", v1::TASK_STAGE_PAUSED);
    for (auto& watcher : watchers) CHECK(NamesOf(watcher.Await()) == Names{"a"});
  }
  const int looks = world.looks();
  // One each 20 ms, however many look.
  CHECK(looks <= absl::ToInt64Milliseconds(SteadyNow() - begin) / 20 + 2);
  Watcher late(&feed, {.cluster = "demo"});
  CHECK(NamesOf(late.Await()) == Names{"a"});
}

TEST_CASE("a watcher of all clusters sees those that it may, and those that come and go") {
  World world;
  world.Set("one", "a");
  world.Set("hidden", "b");
  TaskFeed feed(world.Eyes());
  Watcher some(&feed, {.seen = std::set<std::string>{"one", "two"}});
  Watcher all(&feed, {});
  CHECK(NamesOf(some.Await()) == Names{"a"});
  CHECK(NamesOf(all.Await()) == Names{"b", "a"});
  world.Set("two", "c");
  CHECK(NamesOf(some.Await()) == Names{"c"});
  CHECK(NamesOf(all.Await()) == Names{"c"});
  world.Destroy("one");
  const auto gone = some.Await();
  REQUIRE(gone.gone.size() == 1);
  CHECK(gone.gone[0].first == "one");
  CHECK(all.Await().gone.size() == 1);
}

TEST_CASE("where there is nothing yet a watcher of all clusters is told so, and of what comes") {
  World world;
  TaskFeed feed(world.Eyes());
  Watcher all(&feed, {});
  CHECK(all.Await().tasks.empty());
  world.Set("new", "a");
  CHECK(NamesOf(all.Await()) == Names{"a"});
}

TEST_CASE("a cluster that cannot be asked is named until it can") {
  World world;
  world.Set("demo", "a");
  TaskFeed feed(world.Eyes());
  Watcher watcher(&feed, {.cluster = "demo"});
  CHECK(watcher.Await().unreached.empty());
  world.Unreach("demo", "no answer");
  const auto away = watcher.Await();
  CHECK(away.unreached == std::map<std::string, std::string>{{"demo", "no answer"}});
  world.Unreach("demo", "");
  CHECK(watcher.Await().unreached.empty());
}

TEST_CASE("a watch of one cluster ends with it, and with one that never was") {
  World world;
  world.Set("demo", "a");
  TaskFeed feed(world.Eyes());
  Watcher watcher(&feed, {.cluster = "demo"});
  CHECK(watcher.Await().status.ok());
  world.Destroy("demo");
  CHECK(absl::IsNotFound(watcher.Await().status));
  Watcher never(&feed, {.cluster = "never"});
  CHECK(absl::IsNotFound(never.Await().status));
}

}  // namespace
}  // namespace dmgr::watching
