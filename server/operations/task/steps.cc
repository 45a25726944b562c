// The steps of tasks. What DM has is looked at before it is believed: an answer may be lost, and
// the step then comes again.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "dmgr/plan/v1/migrations.pb.h"
#include "server/clusters/migration.h"
#include "server/engine/runner.h"
#include "server/members/poll.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/runner.h"
#include "server/operations/task/plan.h"
#include "server/operations/task/runner.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"
#include "server/resources/resources.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using store::Wanted;

// A task that runs so long was not paused by what it began with.
constexpr absl::Duration kTaskSettled = absl::Milliseconds(500);

absl::Status HasError(const std::string& task, const v1::Subtask& subtask) {
  const auto& error = subtask.errors(0);
  return Error(absl::StatusCode::kFailedPrecondition, "TASK_HAS_ERROR",
               "an error of source {} has paused the task {}: {}", subtask.source_id(), task,
               migrations::WordsOf(error))
      .With("task", task)
      .With("source", subtask.source_id())
      .With("dm_code", std::to_string(error.code()))
      .With("dm_workaround", error.workaround())
      .Remedy(migrations::AdviceFor(error) + "; then resume the task and this operation");
}

StepResult Setting(const store::MigrationKey& key, Wanted wanted) {
  StepResult result;
  result.commit = [key, wanted](store::Transaction& tx) {
    return store::SetWanted(tx, key, wanted);
  };
  return result;
}

class CheckTaskStep : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::Duration Deadline() const override { return absl::Minutes(30); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, LoadTask(resources(), context));
    ASSIGN_OR_RETURN(auto yaml,
                     clusters::LoadConfig(resources(), input.key, input.params.revision()));
    const WipeAtEnd wiped(&yaml);
    pb::CheckTaskRequest request;
    ASSIGN_OR_RETURN(*request.mutable_task(), ForDm(resources(), input.key.cluster_uuid, yaml));
    const WipeAtEnd wiped_too(request.mutable_task());
    request.set_start_time(input.params.start_time());
    // DM would tell of a few only.
    constexpr int kMostRows = 100;
    request.set_err_cnt(kMostRows);
    request.set_warn_cnt(kMostRows);
    ASSIGN_OR_RETURN(const auto check,
                     resources().members->migrations().CheckTask(input.cluster, request,
                                                                 WithinStep(context, kTaskCheck)));
    RETURN_IF_ERROR(StatusOfCheck(input.key.name, check));
    for (const auto& row : check.rows) {
      for (const auto& problem : row.problems) {
        context.Log(v1::LogLine::LEVEL_WARNING,
                    fmt::format("{}: {}", row.name, problem.short_error));
      }
    }
    return StepResult{};
  }
};

class StartTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    RETURN_IF_ERROR(Start(context, input, input.params.revision()));
    return Record(input, input.params.revision(), Wanted::kRunning, MarkNow(context, input));
  }
  // One that somebody else has made in the meantime stays.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    ASSIGN_OR_RETURN(auto yaml,
                     clusters::LoadConfig(resources(), input.key, input.params.revision()));
    const WipeAtEnd wiped(&yaml);
    ASSIGN_OR_RETURN(const auto read, migrations::ReadTask(yaml));
    ASSIGN_OR_RETURN(const auto seen, See(context, input));
    if (seen.has_value() && seen->IsOf(read.sources)) RETURN_IF_ERROR(Stop(context, input));
    return RecordFormer(input);
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    return IsThere(context, input);
  }
};

// An error that pauses the task is the operation's; what is recorded of the task stays true.
class AwaitTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    absl::Time since = absl::InfiniteFuture();
    absl::Status problem;
    const absl::Status waited = Await(context, input, "run", [&](const auto& seen) {
      problem = ProblemOf(input, seen);
      if (!problem.ok()) return true;
      since = seen->Runs() ? std::min(since, SteadyNow()) : absl::InfiniteFuture();
      return SteadyNow() - since >= kTaskSettled;
    });
    RETURN_IF_ERROR(problem);
    RETURN_IF_ERROR(waited);
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext&) override { return StepResult{}; }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static absl::Status ProblemOf(const TaskInput& input, const std::optional<SeenTask>& seen) {
    if (!seen.has_value()) return NotThere(input);
    const auto* paused = migrations::PausedByError(seen->subtasks);
    return paused == nullptr ? absl::OkStatus() : HasError(input.key.name, *paused);
  }
};

class StopTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    RETURN_IF_ERROR(Stop(context, input));
    return Setting(input.key, Wanted::kStopped);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    if (input.params.was_there()) {
      RETURN_IF_ERROR(Start(context, input, input.params.former_revision()));
      if (input.params.was_paused()) RETURN_IF_ERROR(Pause(context, input));
    }
    return Setting(input.key, WantedOf(input.params.former_wanted()));
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    // Another configuration takes its place: that one is there then.
    if (input.params.revision() != input.params.former_revision()) return true;
    ASSIGN_OR_RETURN(const bool is_there, IsThere(context, input));
    return !is_there;
  }
};

class PauseTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    RETURN_IF_ERROR(Pause(context, input));
    return OfManaged(input, Wanted::kPaused);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    if (!input.params.was_paused()) RETURN_IF_ERROR(Resume(context, input));
    return OfManaged(input, WantedOf(input.params.former_wanted()));
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    ASSIGN_OR_RETURN(const auto seen, See(context, input));
    return seen.has_value() && seen->IsPaused();
  }

 protected:
  static StepResult OfManaged(const TaskInput& input, Wanted wanted) {
    return input.params.revision() == 0 ? StepResult{} : Setting(input.key, wanted);
  }
};

class ResumeTaskStep : public PauseTaskStep {
 public:
  using PauseTaskStep::PauseTaskStep;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    RETURN_IF_ERROR(Resume(context, input));
    return OfManaged(input, Wanted::kRunning);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    if (input.params.was_paused()) RETURN_IF_ERROR(Pause(context, input));
    return OfManaged(input, WantedOf(input.params.former_wanted()));
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    ASSIGN_OR_RETURN(const auto seen, See(context, input));
    return seen.has_value() && !seen->IsPausedByHand();
  }
};

// A configuration that DM does not get.
class RecordTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    return Record(input, input.params.revision(), Wanted::kStopped, /*mark=*/"");
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    return RecordFormer(input);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class ForgetTaskStep : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::TaskParams>(context));
    StepResult result;
    result.commit = [key = MigrationOf(context, store::MigrationKind::kTask, params.task_name())](
                        store::Transaction& tx) { return store::ForgetMigration(tx, key); };
    return result;
  }
};

}  // namespace

void RegisterTaskRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kCheckTask, std::make_unique<CheckTaskStep>(resources));
  registry->Add(kStartTask, std::make_unique<StartTaskStep>(resources));
  registry->Add(kAwaitTask, std::make_unique<AwaitTaskStep>(resources));
  registry->Add(kStopTask, std::make_unique<StopTaskStep>(resources));
  registry->Add(kPauseTask, std::make_unique<PauseTaskStep>(resources));
  registry->Add(kResumeTask, std::make_unique<ResumeTaskStep>(resources));
  registry->Add(kRecordTask, std::make_unique<RecordTaskStep>(resources));
  registry->Add(kForgetTask, std::make_unique<ForgetTaskStep>(resources));
}

}  // namespace dmgr::operations
