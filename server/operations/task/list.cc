// Tasks as they are shown: what is recorded, and what DM says.
#include <algorithm>
#include <map>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/utf8.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/operations/steps/task_marks.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kOneTime = absl::Seconds(5);
constexpr int kMostClusters = 10'000;
constexpr std::size_t kClustersAtOnce = 32;
constexpr std::size_t kShownReason = 500;

using Name = std::pair<std::string, std::string>;

v1::TaskStage StageOf(store::Wanted wanted) {
  switch (wanted) {
    case store::Wanted::kRunning:
      return v1::TASK_STAGE_RUNNING;
    case store::Wanted::kPaused:
      return v1::TASK_STAGE_PAUSED;
    case store::Wanted::kStopped:
      return v1::TASK_STAGE_STOPPED;
    default:
      return v1::TASK_STAGE_UNSPECIFIED;
  }
}

// A configuration that was given up with its key is shown as none.
absl::Status ShowRecorded(const Resources& resources, const store::MigrationRecord& record,
                          v1::Task* task) {
  if (!record.config.sealed_config.empty()) {
    ASSIGN_OR_RETURN(const auto config,
                     clusters::OpenMigration(resources, record.key, record.config));
    task->set_config_yaml(migrations::HideSecrets(config));
  }
  task->set_revision(record.config.revision);
  task->set_wanted_stage(StageOf(record.wanted));
  task->mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.config.create_time));
  task->set_user_name(record.config.user_name);
  task->set_target_name(record.target_name);
  return absl::OkStatus();
}

// What DM has said of a cluster's tasks.
struct SeenOrNot {
  // nullptr when DM was not asked, or gave no answer.
  const migrations::SeenTasks* seen = nullptr;
  // Of the latter.
  std::string why_not{};
};

absl::StatusOr<v1::Task> ShowTask(const Resources& resources, const Name& name,
                                  const store::MigrationRecord* record, const SeenOrNot& there) {
  v1::Task task;
  task.set_cluster_name(name.first);
  task.set_task_name(name.second);
  task.set_foreign(record == nullptr);
  if (record != nullptr) RETURN_IF_ERROR(ShowRecorded(resources, *record, &task));
  task.set_unknown_reason(there.why_not);
  if (there.seen == nullptr) return task;
  migrations::AddSeen(
      *there.seen, record == nullptr ? std::vector<std::string>{} : SourcesIn(record->details_json),
      &task);
  return task;
}

// In a line; what helps is for who asks DM for more.
std::string WhyNotSeen(const absl::Status& status) {
  return OneLine(std::string(Message(status)), kShownReason);
}

struct AskedCluster {
  store::ClusterRecord record;
  absl::StatusOr<migrations::SeenTasks> seen = migrations::SeenTasks{};
};

absl::StatusOr<std::vector<AskedCluster>> ClustersOf(const Resources& resources,
                                                     const TaskPage& page) {
  std::vector<AskedCluster> clusters;
  if (!page.cluster.empty()) {
    clusters.emplace_back();
    ASSIGN_OR_RETURN(clusters.back().record, clusters::FindCluster(resources, page.cluster));
    return clusters;
  }
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    clusters.clear();
    ASSIGN_OR_RETURN(auto records, store::ListClusters(tx, "", kMostClusters, page.seen));
    for (auto& record : records) {
      if (record.cluster.name < page.after.first) continue;
      clusters.emplace_back().record = std::move(record);
    }
    return absl::OkStatus();
  }));
  return clusters;
}

void AskAll(const Resources& resources, absl::Duration patience,
            std::vector<AskedCluster>* clusters) {
  const dm::Within within{.deadline = SteadyNow() + patience};
  resources.threads->ForEach(clusters->size(), kClustersAtOnce, [&](std::size_t i) {
    auto& one = (*clusters)[i];
    if (one.record.state != v1::CLUSTER_STATE_UP) {
      one.seen = absl::FailedPreconditionError("it is not up");
      return;
    }
    const auto status = resources.members->migrations().QueryStatus(one.record.cluster, "", within);
    one.seen = status.ok() ? absl::StatusOr<migrations::SeenTasks>(migrations::ReadStatus(*status))
                           : status.status();
  });
}

}  // namespace

absl::StatusOr<v1::Task> GetTask(const Resources& resources, const std::string& cluster,
                                 const std::string& task) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  std::optional<store::MigrationRecord> recorded;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(recorded, store::FindMigration(tx, TaskKey(record.cluster.uuid, task)));
    return absl::OkStatus();
  }));
  const dm::Within within{.deadline = SteadyNow() + kOneTime};
  const auto there = LookAtTask(resources, record.cluster, task, within);
  if (!recorded.has_value()) {
    RETURN_IF_ERROR(there.status());
    if (!there->has_value()) return TaskNotFound(cluster, task);
  }
  migrations::SeenTasks seen;
  if (there.ok() && there->has_value()) {
    seen.tasks[task] = (*there)->subtasks;
    seen.silent_sources = (*there)->silent_sources;
  }
  const SeenOrNot shown =
      there.ok() ? SeenOrNot{.seen = &seen} : SeenOrNot{.why_not = WhyNotSeen(there.status())};
  ASSIGN_OR_RETURN(auto answer, ShowTask(resources, {cluster, task},
                                         recorded.has_value() ? &*recorded : nullptr, shown));
  const bool can_differ = recorded.has_value() && there.ok() && there->has_value();
  if (can_differ && DiffersInDm(resources, record.cluster, *recorded, within)) {
    migrations::AddDiffers(&answer);
  }
  return answer;
}

absl::StatusOr<TaskList> ListTasks(const Resources& resources, const TaskPage& page) {
  ASSIGN_OR_RETURN(auto clusters, ClustersOf(resources, page));
  std::vector<store::MigrationRecord> records;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListMigrations(tx, {.kind = store::MigrationKind::kTask,
                                                         .cluster_name = page.cluster,
                                                         .seen = page.seen,
                                                         .after = page.after,
                                                         .limit = static_cast<int>(page.limit),
                                                         .without_config = page.without_config}));
    return absl::OkStatus();
  }));
  if (!page.recorded_only) AskAll(resources, page.patience, &clusters);

  TaskList list;
  std::map<Name, const store::MigrationRecord*> names;
  std::map<std::string, SeenOrNot> seen;
  for (const auto& one : clusters) {
    const auto& cluster = one.record.cluster.name;
    if (page.recorded_only) break;
    if (!one.seen.ok()) {
      const std::string why_not = WhyNotSeen(one.seen.status());
      list.unreached[cluster] = why_not;
      seen[cluster] = {.why_not = why_not};
      continue;
    }
    seen[cluster] = {.seen = &*one.seen};
    for (const auto& [task, subtasks] : one.seen->tasks) names[{cluster, task}] = nullptr;
  }
  for (const auto& record : records) names[{record.cluster_name, record.key.name}] = &record;
  // Of a cluster that was renamed between the two looks nothing is known.
  for (auto name = names.upper_bound(page.after);
       name != names.end() && list.tasks.size() < page.limit; ++name) {
    ASSIGN_OR_RETURN(auto task,
                     ShowTask(resources, name->first, name->second, seen[name->first.first]));
    list.tasks.push_back(std::move(task));
  }
  return list;
}

}  // namespace dmgr::operations
