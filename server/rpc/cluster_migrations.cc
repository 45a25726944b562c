#include "server/rpc/cluster_migrations.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/utf8.h"
#include "server/migrations/task_status.h"
#include "server/operations/source/source.h"
#include "server/operations/task/task.h"
#include "server/status/status.h"

namespace dmgr::rpc {
namespace {

// As long as the instances get.
constexpr absl::Duration kMigrationsTime = absl::Milliseconds(2500);
constexpr int kMostTold = 50;
constexpr std::size_t kMostOfCause = 300;

void Count(v1::TaskStage stage, v1::MigrationsStatus* status) {
  switch (stage) {
    case v1::TASK_STAGE_RUNNING:
      return status->set_running_tasks(status->running_tasks() + 1);
    case v1::TASK_STAGE_PAUSED:
      return status->set_paused_tasks(status->paused_tasks() + 1);
    case v1::TASK_STAGE_STOPPED:
      return status->set_stopped_tasks(status->stopped_tasks() + 1);
    case v1::TASK_STAGE_FINISHED:
      return status->set_finished_tasks(status->finished_tasks() + 1);
    case v1::TASK_STAGE_CHANGING:
      return status->set_changing_tasks(status->changing_tasks() + 1);
    default:
      return status->set_unknown_tasks(status->unknown_tasks() + 1);
  }
}

std::string CauseOf(const v1::Task& task) {
  const std::vector<v1::Subtask> subtasks(task.subtasks().begin(), task.subtasks().end());
  const auto* paused = migrations::PausedByError(subtasks);
  return paused == nullptr ? "" : OneLine(migrations::WordsOf(paused->errors(0)), kMostOfCause);
}

void AddTasks(std::vector<v1::Task> tasks, v1::MigrationsStatus* status) {
  std::ranges::stable_partition(
      tasks, [](const auto& task) { return task.stage() == v1::TASK_STAGE_PAUSED; });
  for (const auto& task : tasks) {
    Count(task.stage(), status);
    if (task.advice().empty() || status->concerns_size() == kMostTold) continue;
    auto* concern = status->add_concerns();
    concern->set_task_name(task.task_name());
    concern->set_stage_text(ToWord(task.stage()));
    concern->set_cause(CauseOf(task));
    concern->set_advice(task.advice());
  }
}

void AddSources(const std::vector<v1::Source>& sources, v1::MigrationsStatus* status) {
  for (const auto& source : sources) {
    if (!source.worker_name().empty()) {
      status->set_bound_sources(status->bound_sources() + 1);
    } else if (status->unbound_sources_size() < kMostTold) {
      status->add_unbound_sources(source.source_id());
    }
  }
}

v1::MigrationsStatus LookAtMigrations(const Resources& resources, const std::string& cluster_name) {
  v1::MigrationsStatus status;
  absl::StatusOr<operations::TaskList> tasks = absl::UnknownError("not asked");
  absl::StatusOr<std::vector<v1::Source>> sources = absl::UnknownError("not asked");
  resources.threads->RunAll(
      {[&] {
         tasks = operations::ListTasks(resources, {.cluster = cluster_name,
                                                   .limit = std::numeric_limits<int>::max(),
                                                   .without_config = true,
                                                   .patience = kMigrationsTime});
       },
       [&] {
         sources = operations::ListSources(
             resources, cluster_name,
             {.limit = std::numeric_limits<int>::max(), .patience = kMigrationsTime});
       }});
  if (!tasks.ok() || !tasks->unreached.empty()) {
    status.set_unknown_reason(tasks.ok() ? tasks->unreached.begin()->second
                                         : std::string(Message(tasks.status())));
    return status;
  }
  AddTasks(std::move(tasks->tasks), &status);
  if (sources.ok()) {
    AddSources(*sources, &status);
  } else {
    status.set_unknown_reason(std::string(Message(sources.status())));
  }
  return status;
}

bool HasMigrations(const v1::MigrationsStatus& status) { return status.ByteSizeLong() > 0; }

}  // namespace

absl::StatusOr<v1::GetClusterStatusResponse> ProbeWithMigrations(const Resources& resources,
                                                                 const std::string& cluster_name) {
  absl::StatusOr<v1::GetClusterStatusResponse> response = absl::UnknownError("not asked");
  v1::MigrationsStatus migrations;
  resources.threads->RunAll({[&] { response = status::ProbeCluster(resources, cluster_name); },
                             [&] { migrations = LookAtMigrations(resources, cluster_name); }});
  if (response.ok() && response->state() == v1::CLUSTER_STATE_UP && HasMigrations(migrations)) {
    *response->mutable_migrations() = std::move(migrations);
  }
  return response;
}

}  // namespace dmgr::rpc
