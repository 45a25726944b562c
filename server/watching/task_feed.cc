#include "server/watching/task_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"
#include "server/watching/task_picture.h"

namespace dmgr::watching {
namespace {

// Clusters that are looked at side by side: one that does not answer takes some seconds.
constexpr int kThreads = 4;
// A cluster that could not be asked is not asked again before.
constexpr absl::Duration kUnreachedPause = absl::Seconds(5);
constexpr absl::Duration kListPeriod = absl::Seconds(2);
// What a watcher may see changes: it asks anew then.
constexpr absl::Duration kLongestWait = absl::Seconds(10);

}  // namespace

struct TaskFeed::Impl {
  struct Waiter {
    TaskQuestion question;
    OnNews on_news;
    absl::Time asked;
  };
  struct Cluster {
    TaskPicture picture;
    absl::Time looked = absl::InfinitePast();
    bool is_looked_at = false;
  };

  TaskEyes eyes;
  std::mutex mutex;  // Guards all below.
  std::condition_variable changed;
  std::map<std::uint64_t, Waiter> waiters;
  std::map<std::string, Cluster> clusters;
  // Those that there are, as of `listed`.
  std::set<std::string> names;
  absl::Time listed = absl::InfinitePast();
  absl::Time next_list = absl::InfinitePast();
  bool is_listing = false;
  std::uint64_t version = 0;
  std::uint64_t next_id = 1;
  // Whose on_news is running, and where.
  std::map<std::uint64_t, std::thread::id> calling;
  int watchers = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  using Lock = std::unique_lock<std::mutex>;
  void Run();
  // Each does one piece of work, if there is any; `next`: when there is some, else.
  bool AnswerOne(Lock& lock, absl::Time* next);
  bool LookAtOne(Lock& lock, absl::Time* next);
  bool ListAll(Lock& lock, absl::Time* next);

  // Also those that are gone, as far as they were looked at.
  std::vector<std::string> ClustersOf(const TaskQuestion& question) const;
  // It was seen that it is gone, and nothing has come in its place.
  bool IsGone(const std::string& name) const;
  // When it is to be looked at for this waiter.
  absl::Time DueFor(const Waiter& waiter, const Cluster& cluster) const;
  // The earliest time at which the waiter can be answered, as things stand.
  absl::Time AnswerTimeOf(const Waiter& waiter) const;
  TaskNews NewsFor(const Waiter& waiter) const;
  void Look(const std::string& name, Lock& lock);
};

std::vector<std::string> TaskFeed::Impl::ClustersOf(const TaskQuestion& question) const {
  if (!question.cluster.empty()) return {question.cluster};
  std::set<std::string> all = names;
  for (const auto& [name, cluster] : clusters) all.insert(name);
  std::vector<std::string> of;
  for (const auto& name : all) {
    if (!question.seen.has_value() || question.seen->contains(name)) of.push_back(name);
  }
  return of;
}

bool TaskFeed::Impl::IsGone(const std::string& name) const {
  const auto found = clusters.find(name);
  return found != clusters.end() && found->second.picture.is_missing() && !names.contains(name);
}

absl::Time TaskFeed::Impl::DueFor(const Waiter& waiter, const Cluster& cluster) const {
  const absl::Duration interval = waiter.question.interval;
  // Who comes anew is told nothing that is old.
  if (waiter.question.is_first) {
    return cluster.looked < waiter.asked - interval ? absl::InfinitePast() : absl::InfiniteFuture();
  }
  const bool rests = cluster.picture.is_unreached();
  return cluster.looked + (rests ? std::max(interval, kUnreachedPause) : interval);
}

absl::Time TaskFeed::Impl::AnswerTimeOf(const Waiter& waiter) const {
  const TaskQuestion& question = waiter.question;
  if (question.cluster.empty() && waiter.question.is_first && listed < waiter.asked - kListPeriod) {
    return absl::InfiniteFuture();
  }
  bool has_changed = false;
  for (const auto& name : ClustersOf(question)) {
    const auto found = clusters.find(name);
    const auto position = question.positions.find(name);
    const std::uint64_t told = position == question.positions.end() ? 0 : position->second;
    if (found == clusters.end()) {
      if (waiter.question.is_first) return absl::InfiniteFuture();
      continue;
    }
    const Cluster& cluster = found->second;
    const bool is_old = cluster.looked < waiter.asked - question.interval;
    if (question.is_first && is_old && !IsGone(name)) return absl::InfiniteFuture();
    has_changed = has_changed || cluster.picture.HasChanged(told, question.tasks) ||
                  (!question.cluster.empty() && cluster.picture.is_missing());
  }
  if (waiter.question.is_first) return absl::InfinitePast();
  return waiter.asked + (has_changed ? question.interval : kLongestWait);
}

TaskNews TaskFeed::Impl::NewsFor(const Waiter& waiter) const {
  TaskNews news;
  const TaskQuestion& question = waiter.question;
  news.positions = question.positions;
  for (const auto& name : ClustersOf(question)) {
    const auto found = clusters.find(name);
    if (found == clusters.end()) continue;
    const auto told = question.positions.find(name);
    found->second.picture.AddChanges(name, told == question.positions.end() ? 0 : told->second,
                                     question.tasks, &news);
    if (!question.cluster.empty() && found->second.picture.is_missing()) {
      news.status = found->second.picture.status();
    }
  }
  return news;
}

bool TaskFeed::Impl::AnswerOne(Lock& lock, absl::Time* next) {
  const absl::Time now = SteadyNow();
  for (auto it = waiters.begin(); it != waiters.end(); ++it) {
    const absl::Time when = AnswerTimeOf(it->second);
    *next = std::min(*next, when);
    if (when > now) continue;
    const std::uint64_t id = it->first;
    const TaskNews news = NewsFor(it->second);
    const OnNews on_news = std::move(it->second.on_news);
    waiters.erase(it);
    calling[id] = std::this_thread::get_id();
    lock.unlock();
    on_news(news);
    lock.lock();
    calling.erase(id);
    changed.notify_all();
    return true;
  }
  return false;
}

bool TaskFeed::Impl::ListAll(Lock& lock, absl::Time* next) {
  const bool is_wanted = std::ranges::any_of(
      waiters, [](const auto& one) { return one.second.question.cluster.empty(); });
  if (!is_wanted || is_listing) return false;
  if (next_list > SteadyNow()) {
    *next = std::min(*next, next_list);
    return false;
  }
  is_listing = true;
  const absl::Time begun = SteadyNow();
  lock.unlock();
  auto found = eyes.clusters();
  lock.lock();
  is_listing = false;
  next_list = SteadyNow() + kListPeriod;
  if (found.ok()) {
    names = *std::move(found);
    listed = begun;
  } else {
    spdlog::warn("clusters cannot be listed for watchers of tasks: {}", Message(found.status()));
  }
  changed.notify_all();
  return true;
}

bool TaskFeed::Impl::LookAtOne(Lock& lock, absl::Time* next) {
  const absl::Time now = SteadyNow();
  std::string most_due;
  absl::Time earliest = absl::InfiniteFuture();
  for (const auto& [id, waiter] : waiters) {
    for (const auto& name : ClustersOf(waiter.question)) {
      const Cluster& cluster = clusters[name];
      if (cluster.is_looked_at || (waiter.question.cluster.empty() && IsGone(name))) continue;
      const absl::Time due = DueFor(waiter, cluster);
      if (due >= earliest) continue;
      earliest = due;
      most_due = name;
    }
  }
  *next = std::min(*next, earliest);
  if (earliest > now) return false;
  Look(most_due, lock);
  return true;
}

void TaskFeed::Impl::Look(const std::string& name, Lock& lock) {
  clusters[name].is_looked_at = true;
  // What is seen is as of then.
  const absl::Time begun = SteadyNow();
  lock.unlock();
  const auto look = eyes.look(name);
  lock.lock();
  // Nobody may watch any more.
  auto& cluster = clusters[name];
  cluster.is_looked_at = false;
  cluster.looked = begun;
  cluster.picture.Take(look, ++version);
  changed.notify_all();
}

void TaskFeed::Impl::Run() {
  Lock lock(mutex);
  while (!stopping) {
    absl::Time next = absl::InfiniteFuture();
    if (AnswerOne(lock, &next) || ListAll(lock, &next) || LookAtOne(lock, &next)) continue;
    if (next == absl::InfiniteFuture()) {
      changed.wait(lock);
    } else {
      changed.wait_for(
          lock, absl::ToChronoMilliseconds(next - SteadyNow()) + std::chrono::milliseconds(1));
    }
  }
}

TaskFeed::TaskFeed(TaskEyes eyes) : impl_(std::make_unique<Impl>()) {
  impl_->eyes = std::move(eyes);
  for (int i = 0; i < kThreads; ++i) {
    impl_->threads.push_back(StartThread([impl = impl_.get()] { impl->Run(); }).value());
  }
}

TaskFeed::~TaskFeed() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

void TaskFeed::Join() {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->watchers;
}

void TaskFeed::Leave() {
  const std::lock_guard lock(impl_->mutex);
  if (--impl_->watchers > 0) return;
  std::erase_if(impl_->clusters, [](const auto& one) { return !one.second.is_looked_at; });
  impl_->names.clear();
  impl_->listed = impl_->next_list = absl::InfinitePast();
}

std::uint64_t TaskFeed::Next(TaskQuestion question, OnNews on_news) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->next_id++;
    impl_->waiters[id] = {std::move(question), std::move(on_news), SteadyNow()};
  }
  impl_->changed.notify_all();
  return id;
}

void TaskFeed::Forget(std::uint64_t id) {
  std::unique_lock lock(impl_->mutex);
  if (impl_->waiters.erase(id) > 0) return;
  impl_->changed.wait(lock, [&] {
    const auto found = impl_->calling.find(id);
    // From within its own on_news nothing is to be waited for.
    return found == impl_->calling.end() || found->second == std::this_thread::get_id();
  });
}

}  // namespace dmgr::watching
