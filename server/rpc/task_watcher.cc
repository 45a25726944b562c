#include "server/rpc/task_watcher.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/operations/task/task.h"
#include "server/store/cluster_store.h"
#include "server/store/scope_store.h"

namespace dmgr::rpc {
namespace {

constexpr absl::Duration kUsualInterval = absl::Seconds(2);
constexpr absl::Duration kLeastInterval = absl::Seconds(1);
constexpr absl::Duration kMostInterval = absl::Minutes(1);
// Far below what a client takes as one message.
constexpr std::size_t kTasksAMessage = 200;
constexpr int kMostClusters = 10'000;

absl::Duration IntervalOf(const v1::WatchTasksRequest& request) {
  const auto& asked = request.interval();
  if (asked.seconds() == 0 && asked.nanos() == 0) return kUsualInterval;
  return std::clamp(absl::Seconds(asked.seconds()) + absl::Nanoseconds(asked.nanos()),
                    kLeastInterval, kMostInterval);
}

class TaskWatcher final : public Stream<v1::WatchTasksResponse> {
 public:
  TaskWatcher(const v1::WatchTasksRequest& request, const News& news, const Scope* scope,
              watching::TaskFeed* feed)
      : Stream(news), scope_(scope), feed_(feed) {
    question_.cluster = request.cluster_name();
    question_.tasks = {request.task_names().begin(), request.task_names().end()};
    question_.interval = IntervalOf(request);
    feed_->Join();
  }

  void Begin(const Session& caller) {
    rights_ = caller.rights;
    Follow(caller.key);
    Advance([&] { return Next(); });
  }

 private:
  ~TaskWatcher() override { feed_->Leave(); }

  void ForgetQuestion(std::uint64_t waiting) override { feed_->Forget(waiting); }

  std::optional<absl::Status> Next() override {
    if (is_telling_) {
      WriteNext();
      return std::nullopt;
    }
    auto seen = scope_->Seen(rights_);
    // Without the database what was seen before holds.
    if (!seen.ok() && (!absl::IsUnavailable(seen.status()) || question_.is_first)) {
      return seen.status();
    }
    if (seen.ok()) question_.seen = *std::move(seen);
    if (!question_.cluster.empty() && !IsSeen(question_.seen, question_.cluster)) {
      return store::NoSuchCluster(question_.cluster);
    }
    waiting_ = feed_->Next(question_, [this](const watching::TaskNews& news) { OnNews(news); });
    return std::nullopt;
  }

  void OnNews(const watching::TaskNews& news) {
    Advance([&]() -> std::optional<absl::Status> {
      waiting_ = 0;
      if (!news.status.ok()) return news.status;
      is_telling_ = question_.is_first || !news.IsEmpty();
      question_.is_first = false;
      question_.positions = news.positions;
      news_of_tasks_ = news;
      told_ = 0;
      return Next();
    });
  }

  void WriteNext() {
    message_.Clear();
    auto& tasks = news_of_tasks_.tasks;
    const std::size_t end = std::min(told_ + kTasksAMessage, tasks.size());
    for (; told_ < end; ++told_) *message_.add_tasks() = *tasks[told_];
    is_telling_ = told_ < tasks.size();
    if (!is_telling_) {
      for (const auto& [cluster, task] : news_of_tasks_.gone) {
        auto* gone = message_.add_gone_tasks();
        gone->set_cluster_name(cluster);
        gone->set_task_name(task);
      }
      message_.mutable_unreached_clusters()->insert(news_of_tasks_.unreached.begin(),
                                                    news_of_tasks_.unreached.end());
      message_.set_complete(true);
      news_of_tasks_ = {};
    }
    // No hint that more follows: what it holds back may be more than the transport takes unasked.
    Write(/*more=*/false);
  }

  const Scope* scope_;
  watching::TaskFeed* feed_;
  auth::Rights rights_;
  watching::TaskQuestion question_;
  // What is being sent, how much of it was, and whether there is more.
  watching::TaskNews news_of_tasks_;
  std::size_t told_ = 0;
  bool is_telling_ = false;
};

}  // namespace

watching::TaskEyes TaskEyesOf(const Resources* resources) {
  watching::TaskEyes eyes;
  eyes.look = [resources](const std::string& cluster) -> absl::StatusOr<watching::TaskLook> {
    ASSIGN_OR_RETURN(auto list,
                     operations::ListTasks(*resources, {.cluster = cluster,
                                                        .limit = std::numeric_limits<int>::max(),
                                                        .without_config = true}));
    watching::TaskLook look{.tasks = std::move(list.tasks)};
    if (!list.unreached.empty()) look.unreached = list.unreached.begin()->second;
    return look;
  };
  eyes.clusters = [resources]() -> absl::StatusOr<std::set<std::string>> {
    std::set<std::string> names;
    RETURN_IF_ERROR(resources->database->Read([&](store::Transaction& tx) -> absl::Status {
      names.clear();
      ASSIGN_OR_RETURN(const auto records,
                       store::ListClusters(tx, "", kMostClusters, std::nullopt));
      for (const auto& record : records) names.insert(record.cluster.name);
      return absl::OkStatus();
    }));
    return names;
  };
  return eyes;
}

grpc::ServerWriteReactor<v1::WatchTasksResponse>* StartTaskWatcher(
    const absl::StatusOr<Admitted>& admitted, const v1::WatchTasksRequest& request,
    const News& news, const Scope* scope, watching::TaskFeed* feed) {
  auto* watcher = new TaskWatcher(request, news, scope, feed);
  if (admitted.ok()) {
    watcher->Begin(admitted->session);
  } else {
    watcher->Refuse(admitted.status());
  }
  return watcher;
}

}  // namespace dmgr::rpc
