// How tasks stand, for any number of watchers.
#ifndef DMGR_SERVER_WATCHING_TASK_FEED_H_
#define DMGR_SERVER_WATCHING_TASK_FEED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::watching {

// The tasks of a cluster at one moment.
struct TaskLook {
  std::vector<v1::Task> tasks{};
  // Why DM could not be asked; empty: it was.
  std::string unreached{};
};

// What a feed sees with. Called by several threads.
struct TaskEyes {
  // NOT_FOUND: there is no such cluster. Other errors: it cannot be said.
  std::function<absl::StatusOr<TaskLook>(const std::string& cluster)> look;
  std::function<absl::StatusOr<std::set<std::string>>()> clusters;
};

struct TaskQuestion {
  // Empty: all clusters that are seen.
  std::string cluster{};
  // nullopt: all.
  std::optional<std::set<std::string>> seen{};
  // Empty: all.
  std::set<std::string> tasks{};
  // How old may be what is told, and how long after the question before what has changed is.
  absl::Duration interval = absl::Seconds(1);
  // Nothing was told yet.
  bool is_first = true;
  // As the news before said, by cluster.
  std::map<std::string, std::uint64_t> positions{};
};

struct TaskNews {
  // NOT_FOUND: the cluster of the question is gone.
  absl::Status status = absl::OkStatus();
  std::map<std::string, std::uint64_t> positions{};
  // What has changed since the positions of the question.
  std::vector<std::shared_ptr<const v1::Task>> tasks{};
  // Cluster and task.
  std::vector<std::pair<std::string, std::string>> gone{};
  // All that cannot be asked now, and why.
  std::map<std::string, std::string> unreached{};
  bool is_unreached_changed = false;

  bool IsEmpty() const { return tasks.empty() && gone.empty() && !is_unreached_changed; }
};

// Looks at a cluster as often as the one of its watchers wants who wants it most often, once for
// all of them, and not at all while nobody waits. Thread-safe.
class TaskFeed {
 public:
  explicit TaskFeed(TaskEyes eyes);
  // Watchers get no more calls; waits for looks that are under way.
  ~TaskFeed();
  TaskFeed(const TaskFeed&) = delete;
  TaskFeed& operator=(const TaskFeed&) = delete;

  // A watcher is there until it leaves: what it was told is known for so long.
  void Join();
  void Leave();

  using OnNews = std::function<void(const TaskNews&)>;
  // on_news is called once, from a thread of the feed and never from within Next: the first time as
  // soon as every cluster was looked at, then when something has changed, or after some seconds
  // with nothing. Returns an id for Forget.
  std::uint64_t Next(TaskQuestion question, OnNews on_news);
  // on_news will not be called after this returns.
  void Forget(std::uint64_t id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::watching

#endif  // DMGR_SERVER_WATCHING_TASK_FEED_H_
