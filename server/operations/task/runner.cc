#include "server/operations/task/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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
#include "server/operations/steps/task_marks.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"
#include "server/resources/resources.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using store::Wanted;

constexpr absl::Duration kTaskAsk = absl::Seconds(15);
constexpr absl::Duration kTaskChange = absl::Seconds(70);
constexpr absl::Duration kTaskSettling = absl::Minutes(3);

const char* WordOf(Wanted wanted) {
  switch (wanted) {
    case Wanted::kRunning:
      return "running";
    case Wanted::kPaused:
      return "paused";
    case Wanted::kStopped:
      return "stopped";
    default:
      return "";
  }
}

absl::Status NotSettled(const std::string& task, const char* what, const SeenTask& seen) {
  std::vector<std::string> rest;
  for (const auto& [source, why] : seen.silent_sources) {
    rest.push_back(fmt::format("source {}: {}", source, why));
  }
  for (const auto& subtask : seen.subtasks) {
    rest.push_back(fmt::format("source {}: {}", subtask.source_id(),
                               v1::TaskStage_Name(subtask.stage()).substr(11)));
  }
  return Error(absl::StatusCode::kDeadlineExceeded, "TASK_NOT_SETTLED",
               "the task {} does not {}: {}", task, what, fmt::join(rest, "; "))
      .With("task", task)
      .Remedy("see how the dm-workers of its sources are, then resume");
}

absl::Status CheckOurs(const TaskInput& input, const migrations::TaskConfig& config,
                       const SeenTask& seen) {
  if (seen.IsOf(config.sources)) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "TASK_EXISTS",
               "somebody else has given DM a task {} of other sources", input.key.name)
      .With("task", input.key.name)
      .Remedy("stop that one by what has made it, then resume; or roll back");
}

}  // namespace

Wanted WantedOf(const std::string& word) {
  if (word == "running") return Wanted::kRunning;
  return word == "paused" ? Wanted::kPaused : Wanted::kStopped;
}

void AddFormer(const store::MigrationRecord& record, pv1::TaskParams* params) {
  params->set_former_revision(record.config.revision);
  params->set_former_wanted(WordOf(record.wanted));
  params->set_former_mark(MarkIn(record.details_json));
}

absl::StatusOr<TaskInput> LoadTask(const Resources& resources, StepContext& context) {
  TaskInput input;
  ASSIGN_OR_RETURN(input.params, ParamsOf<pv1::TaskParams>(context));
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  input.cluster = record.cluster;
  input.key = TaskKey(record.cluster.uuid, input.params.task_name());
  return input;
}

absl::Status NotThere(const TaskInput& input) {
  return Error(absl::StatusCode::kFailedPrecondition, "TASK_NOT_RUNNING",
               "DM does not have the task {} any more", input.key.name)
      .With("task", input.key.name)
      .Remedy("start it");
}

absl::StatusOr<std::optional<SeenTask>> TaskRunner::See(StepContext& context,
                                                        const TaskInput& input) const {
  return LookAtTask(resources(), input.cluster, input.key.name, WithinStep(context, kTaskAsk));
}

absl::StatusOr<bool> TaskRunner::IsThere(StepContext& context, const TaskInput& input) const {
  ASSIGN_OR_RETURN(const auto seen, See(context, input));
  return seen.has_value();
}

absl::Status TaskRunner::Await(
    StepContext& context, const TaskInput& input, const char* what,
    const std::function<bool(const std::optional<SeenTask>&)>& is_so) const {
  std::optional<SeenTask> seen;
  const absl::Status waited = members::PollUntil(
      WithinStep(context, kTaskSettling).deadline, [&] { return context.Cancelled(); },
      [&]() -> absl::StatusOr<bool> {
        ASSIGN_OR_RETURN(seen, See(context, input));
        return is_so(seen);
      });
  if (!absl::IsDeadlineExceeded(waited) || !Reason(waited).empty()) return waited;
  return NotSettled(input.key.name, what, seen.value_or(SeenTask{}));
}

std::string TaskRunner::MarkNow(StepContext& context, const TaskInput& input) const {
  return MarkOf(resources(), input.cluster, input.key.name, WithinStep(context, kTaskAsk));
}

absl::StatusOr<StepResult> TaskRunner::Record(const TaskInput& input, std::int64_t revision,
                                              Wanted wanted, const std::string& mark) const {
  ASSIGN_OR_RETURN(auto yaml, clusters::LoadConfig(resources(), input.key, revision));
  const WipeAtEnd wiped(&yaml);
  ASSIGN_OR_RETURN(const auto read, migrations::ReadTask(yaml));
  store::MigrationRecord record{.key = input.key};
  record.config.revision = revision;
  record.wanted = wanted;
  record.target_name = read.target_name;
  record.details_json = TaskDetails(read, mark);
  StepResult result;
  result.commit = [record](store::Transaction& tx) { return store::SetMigration(tx, record); };
  return result;
}

absl::StatusOr<StepResult> TaskRunner::RecordFormer(const TaskInput& input) const {
  if (input.params.former_revision() != 0) {
    return Record(input, input.params.former_revision(), WantedOf(input.params.former_wanted()),
                  input.params.former_mark());
  }
  StepResult result;
  result.commit = [key = input.key](store::Transaction& tx) {
    return store::DropMigration(tx, key);
  };
  return result;
}

absl::Status TaskRunner::Start(StepContext& context, const TaskInput& input,
                               std::int64_t revision) const {
  ASSIGN_OR_RETURN(auto yaml, clusters::LoadConfig(resources(), input.key, revision));
  const WipeAtEnd wiped(&yaml);
  ASSIGN_OR_RETURN(const auto read, migrations::ReadTask(yaml));
  ASSIGN_OR_RETURN(auto seen, See(context, input));
  if (seen.has_value()) return CheckOurs(input, read, *seen);
  pb::StartTaskRequest request;
  ASSIGN_OR_RETURN(*request.mutable_task(), ForDm(resources(), input.key.cluster_uuid, yaml));
  const WipeAtEnd wiped_too(request.mutable_task());
  const bool goes_back = revision != input.params.revision();
  if (!goes_back) {
    request.set_remove_meta(input.params.remove_meta());
    request.set_start_time(input.params.start_time());
  }
  RETURN_IF_ERROR(context.CheckClaim());
  const absl::Status started =
      dm().StartTask(input.cluster, request, WithinStep(context, kTaskCheck)).status();
  if (started.ok() || absl::IsUnavailable(started)) return started;
  // One that an error pauses at once is there nevertheless.
  ASSIGN_OR_RETURN(seen, See(context, input));
  if (!seen.has_value()) return started;
  context.Log(v1::LogLine::LEVEL_WARNING, std::string(started.message()));
  return CheckOurs(input, read, *seen);
}

absl::Status TaskRunner::Stop(StepContext& context, const TaskInput& input) const {
  ASSIGN_OR_RETURN(const bool is_there, IsThere(context, input));
  if (is_there) {
    RETURN_IF_ERROR(context.CheckClaim());
    const auto stopped =
        dm().DeleteTask(input.cluster, input.key.name, WithinStep(context, kTaskChange));
    if (Reason(stopped.status()) != "DM_TASK_MISSING") RETURN_IF_ERROR(stopped.status());
  }
  return Await(context, input, "stop", [](const auto& seen) { return !seen.has_value(); });
}

absl::Status TaskRunner::Pause(StepContext& context, const TaskInput& input) const {
  ASSIGN_OR_RETURN(const auto seen, See(context, input));
  if (!seen.has_value()) return NotThere(input);
  if (!seen->IsPaused()) {
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().PauseTask(input.cluster, input.key.name, WithinStep(context, kTaskChange)).status());
  }
  return Await(context, input, "pause",
               [](const auto& now) { return !now.has_value() || now->IsPaused(); });
}

absl::Status TaskRunner::Resume(StepContext& context, const TaskInput& input) const {
  ASSIGN_OR_RETURN(auto seen, See(context, input));
  if (!seen.has_value()) return NotThere(input);
  if (seen->Runs()) return absl::OkStatus();
  RETURN_IF_ERROR(context.CheckClaim());
  const absl::Status resumed =
      dm().ResumeTask(input.cluster, input.key.name, WithinStep(context, kTaskChange)).status();
  if (resumed.ok() || absl::IsUnavailable(resumed)) return resumed;
  // One that an error pauses again was resumed.
  ASSIGN_OR_RETURN(seen, See(context, input));
  if (!seen.has_value() || migrations::PausedByError(seen->subtasks) == nullptr) return resumed;
  context.Log(v1::LogLine::LEVEL_WARNING, std::string(resumed.message()));
  return absl::OkStatus();
}

}  // namespace dmgr::operations
