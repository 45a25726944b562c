// What gets stuck tasks going, in the scripted DM: a statement that it is told of is passed.
#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "tests/operations/scripted_members.h"
#include "tests/operations/scripted_migrations.h"

namespace dmgr::test {
namespace {

absl::Status Missing(const char* reason, const std::string& name) {
  return Error(absl::StatusCode::kNotFound, reason, "DM does not have {}", name);
}

template <typename Names>
bool IsMeant(const Names& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void ScriptedMigrations::Fail(const std::string& task, const std::string& source,
                              std::int64_t position) {
  const std::lock_guard lock(mutex_);
  pb::ProcessError error;
  error.set_err_code(44006);
  error.set_message(
      fmt::format("startLocation: [position: (bin.000002, {}), gtid-set: ], origin SQL: [alter "
                  "table t add column w int]: cannot track DDL",
                  position));
  tasks_.at(task).errors[source] = error;
}

void ScriptedMigrations::AddLock(const pb::DDLLock& lock) {
  const std::lock_guard guard(mutex_);
  locks_[lock.id()] = lock;
}

dm::SourceAnswers ScriptedMigrations::AnswersOf(const Task& task, const std::string& message) {
  dm::SourceAnswers answers;
  for (const auto& source : task.sources) {
    answers.push_back({.source = source, .worker = members_->WorkerOf(source), .message = message});
  }
  return answers;
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::HandleError(
    const Cluster&, const pb::HandleErrorRequest& request, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  const auto task = tasks_.find(request.task());
  if (task == tasks_.end()) return Missing("DM_TASK_MISSING", request.task());
  if (request.op() == pb::ERROR_OP_LIST) return AnswersOf(task->second, "[]");
  for (const auto& source : task->second.sources) {
    if (!IsMeant(request.sources(), source)) continue;
    if (request.binlog_pos().empty() && task->second.errors.erase(source) == 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "DM_REFUSED", "source '{}' has no error",
                   source);
    }
    const std::string what =
        fmt::format("{} {} {}; ", pb::ErrorOp_Name(request.op()), source, request.binlog_pos());
    // Told again of a position, it is the same.
    if (request.binlog_pos().empty() || handled_.find(what) == std::string::npos) handled_ += what;
  }
  RETURN_IF_ERROR(Answer());
  return AnswersOf(task->second, "");
}

absl::StatusOr<pb::ShowDDLLocksResponse> ScriptedMigrations::ListLocks(const Cluster&,
                                                                       const std::string& task,
                                                                       const dm::Within&) {
  const std::lock_guard guard(mutex_);
  pb::ShowDDLLocksResponse response;
  response.set_result(true);
  for (const auto& [id, lock] : locks_) {
    if (task.empty() || lock.task() == task) *response.add_locks() = lock;
  }
  return response;
}

absl::Status ScriptedMigrations::UnlockLock(const Cluster&, const pb::UnlockDDLLockRequest& request,
                                            const dm::Within&) {
  const std::lock_guard guard(mutex_);
  if (locks_.erase(request.id()) == 0) return Missing("DM_LOCK_MISSING", request.id());
  return Answer();
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::OperateSchema(
    const Cluster&, const pb::OperateSchemaRequest& request, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  const auto task = tasks_.find(request.task());
  if (task == tasks_.end()) return Missing("DM_TASK_MISSING", request.task());
  switch (request.op()) {
    case pb::SCHEMA_OP_LIST_SCHEMA:
      return AnswersOf(task->second, R"(["db"])");
    case pb::SCHEMA_OP_LIST_TABLE:
      return AnswersOf(task->second, R"(["t"])");
    case pb::SCHEMA_OP_LIST_MIGRATE_TARGETS:
      return AnswersOf(
          task->second,
          R"([{"source_schema":"db","source_table":"t","target_schema":"db2","target_table":"u"}])");
    case pb::SCHEMA_OP_GET_SCHEMA:
      return AnswersOf(task->second, task->second.structure);
    default:
      task->second.structure = request.schema();
      RETURN_IF_ERROR(Answer());
      return AnswersOf(task->second, "");
  }
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::SetValidators(
    const std::string& task, const std::vector<std::string>& sources, bool run) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return Missing("DM_TASK_MISSING", task);
  for (const auto& source : found->second.sources) {
    if (IsMeant(sources, source)) found->second.validators[source] = run;
  }
  RETURN_IF_ERROR(Answer());
  return AnswersOf(found->second, "");
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::StartValidation(
    const Cluster&, const pb::StartValidationRequest& request, const dm::Within&) {
  return SetValidators(request.task_name(), {request.sources().begin(), request.sources().end()},
                       true);
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::StopValidation(
    const Cluster&, const pb::StopValidationRequest& request, const dm::Within&) {
  return SetValidators(request.task_name(), {request.sources().begin(), request.sources().end()},
                       false);
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::UpdateValidation(
    const Cluster&, const pb::UpdateValidationRequest& request, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  const auto task = tasks_.find(request.task_name());
  if (task == tasks_.end()) return Missing("DM_TASK_MISSING", request.task_name());
  task->second.cutover = request.binlog_pos() + request.binlog_gtid();
  RETURN_IF_ERROR(Answer());
  return AnswersOf(task->second, "");
}

absl::StatusOr<pb::GetValidationStatusResponse> ScriptedMigrations::GetValidationStatus(
    const Cluster&, const std::string& task, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return Missing("DM_TASK_MISSING", task);
  pb::GetValidationStatusResponse response;
  response.set_result(true);
  for (const auto& [source, runs] : found->second.validators) {
    auto* validator = response.add_validators();
    validator->set_source(source);
    validator->set_mode("full");
    validator->set_stage(runs ? pb::STAGE_RUNNING : pb::STAGE_STOPPED);
  }
  return response;
}

// One row that differs, until it was told of.
absl::StatusOr<pb::GetValidationErrorResponse> ScriptedMigrations::GetValidationErrors(
    const Cluster&, const pb::GetValidationErrorRequest&, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  pb::GetValidationErrorResponse response;
  response.set_result(true);
  if (handled_.find("VALIDATION") != std::string::npos) return response;
  auto* error = response.add_error();
  error->set_id("1");
  error->set_status(pb::VALIDATE_ERROR_STATE_NEW);
  error->set_src_data("[\n1]");
  return response;
}

absl::Status ScriptedMigrations::OperateValidationError(
    const Cluster&, const pb::OperateValidationErrorRequest& request, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  const std::string what = pb::ValidationErrOp_Name(request.op()) + "; ";
  if (handled_.find(what) == std::string::npos) handled_ += what;
  return Answer();
}

}  // namespace dmgr::test
