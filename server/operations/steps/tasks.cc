#include "server/operations/steps/tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/members/poll.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/wait_news.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using migrations::SeenTasks;

// DM resumes by itself what a short failure has paused.
constexpr absl::Duration kTaskTimeout = absl::Seconds(60);
constexpr std::size_t kMostTold = 5;

// Tasks that DM has let go of; a subtask that is about to begin is not listed either.
class Gone {
 public:
  Gone(StepContext* context, const topology::Cluster* cluster)
      : context_(*context), cluster_(*cluster) {}

  bool Has(const std::string& task) {
    if (known_.contains(task)) return true;
    const auto status = MembersBy(context_).migrations().QueryStatus(
        cluster_, task, WithinStep(context_, kAskTimeout));
    if (Reason(status.status()) != "DM_TASK_MISSING") return false;
    known_.insert(task);
    return true;
  }

 private:
  StepContext& context_;
  const topology::Cluster& cluster_;
  std::set<std::string> known_;
};

std::string ProblemsOf(const migrations::SeenSubtasks& before, const SeenTasks& now, Gone* gone) {
  std::vector<std::string> problems;
  for (const auto& one : before) {
    const std::string problem = migrations::ProblemOf(one, now);
    if (problem.empty()) continue;
    const bool is_asked = !now.silent_sources.contains(one.source());
    if (is_asked && !migrations::IsListed(one, now) && gone->Has(one.task())) continue;
    if (problems.size() == kMostTold) {
      problems.emplace_back("and more");
      break;
    }
    problems.push_back(problem);
  }
  return fmt::format("{}", fmt::join(problems, "; "));
}

}  // namespace

absl::StatusOr<SeenTasks> AskTasks(StepContext& context, const topology::Cluster& cluster) {
  ASSIGN_OR_RETURN(const auto status, MembersBy(context).migrations().QueryStatus(
                                          cluster, "", WithinStep(context, kAskTimeout)));
  return migrations::ReadStatus(status);
}

absl::StatusOr<SeenTasks> AwaitAnswer(StepContext& context, const topology::Cluster& cluster) {
  absl::StatusOr<SeenTasks> tasks = SeenTasks();
  const absl::Time deadline = std::min(context.deadline(), SteadyNow() + kElectionTimeout);
  const absl::Status waited =
      members::PollUntil(deadline, CancelledBy(context), [&]() -> absl::StatusOr<bool> {
        tasks = AskTasks(context, cluster);
        return tasks.ok();
      });
  if (absl::IsCancelled(waited)) return waited;
  return tasks;
}

absl::Status PrepareTasks(StepContext& context, const Turn& turn, migrations::SeenSubtasks* alive) {
  const auto tasks = turn.accepts_load_restart ? AskTasks(context, *turn.cluster)
                                               : AwaitAnswer(context, *turn.cluster);
  if (!tasks.ok()) return turn.accepts_load_restart ? absl::OkStatus() : tasks.status();
  const std::string& worker = turn.instance->name;
  const auto loading = migrations::LoadingOn({worker}, *tasks);
  if (!loading.empty() && !turn.accepts_load_restart) {
    const std::string& id = context.operation().operation.operation_id();
    return Error(absl::StatusCode::kFailedPrecondition, "TASK_IS_LOADING",
                 "dm-worker {} is left alone now, since what it loads would have to begin anew: {}",
                 worker, migrations::WordsOfLoading(loading))
        .With("instance", worker)
        .With("task", loading.front().task())
        .With("source", loading.front().source())
        .Remedy("wait until that has loaded, then resume the operation")
        .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}});
  }
  for (const auto& one : migrations::AliveOf(*tasks)) {
    if (one.worker() != worker) continue;
    if (alive != nullptr) alive->push_back(one);
    if (turn.paused == nullptr || one.stage() != v1::TASK_STAGE_RUNNING) continue;
    *turn.paused->add_paused() = one;
    context.Log(v1::LogLine::LEVEL_INFO,
                fmt::format("task {} of source {} pauses with {} for a while", one.task(),
                            one.source(), worker));
  }
  return absl::OkStatus();
}

absl::Status AwaitTasks(StepContext& context, const Turn& turn) {
  if (turn.subtasks.empty()) return absl::OkStatus();
  std::string reason;
  WaitNews news(&context);
  Gone gone(&context, turn.cluster);
  // Whoever is interrupted tells no reason.
  const absl::Time deadline =
      std::min(context.deadline() - absl::Seconds(1), SteadyNow() + kTaskTimeout);
  const absl::Status waited =
      members::PollUntil(deadline, CancelledBy(context), [&]() -> absl::StatusOr<bool> {
        const auto tasks = AskTasks(context, *turn.cluster);
        reason = tasks.ok() ? ProblemsOf(turn.subtasks, *tasks, &gone)
                            : std::string(Message(tasks.status()));
        news.Say(reason);
        return reason.empty();
      });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  const std::string& cluster = turn.cluster->name;
  return Error(absl::StatusCode::kDeadlineExceeded, "TASKS_NOT_AS_BEFORE",
               "the tasks of cluster {} are not as before {} had its turn: {}", cluster,
               turn.instance->name, reason)
      .With("cluster", cluster)
      .With("instance", turn.instance->name)
      .Remedy("see what the tasks say and mend it, then resume the operation")
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

}  // namespace dmgr::operations
