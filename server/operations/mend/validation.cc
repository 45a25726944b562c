// The validation of what was written.
#include <algorithm>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "common/error.h"
#include "server/clusters/record.h"
#include "server/migrations/task_status.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/mend/look.h"
#include "server/operations/mend/mend.h"
#include "server/operations/mend/plan.h"

namespace dmgr::operations {
namespace {

constexpr int kMostDifferences = 1000;
constexpr int kMostValidated = 10'000;
constexpr std::size_t kValidationWord = 300;
constexpr std::size_t kRow = 4000;

std::string Word(const std::string& text) { return migrations::CleanText(text, kValidationWord); }

v1::Validator ShownValidator(const pb::ValidationStatus& from) {
  v1::Validator validator;
  validator.set_source_id(Word(from.source()));
  validator.set_mode(from.mode() == "fast" ? v1::VALIDATION_MODE_FAST : v1::VALIDATION_MODE_FULL);
  validator.set_stage(migrations::StageOf(from.stage()));
  validator.set_binlog_position(Word(from.validator_binlog()));
  validator.set_processed_rows(Word(from.processed_rows_status()));
  validator.set_pending_rows(Word(from.pending_rows_status()));
  validator.set_error_rows(Word(from.error_rows_status()));
  validator.set_cutover_binlog_position(Word(from.cutover_binlog_pos()));
  for (const auto& error : from.result().errors()) {
    *validator.add_errors() = migrations::ErrorOf(error);
  }
  return validator;
}

v1::ValidationError ShownDifference(const pb::ValidationError& from) {
  v1::ValidationError error;
  error.set_error_id(Word(from.id()));
  error.set_source_id(Word(from.source()));
  error.set_source_table(Word(from.src_table()));
  error.set_source_data(migrations::CleanText(from.src_data(), kRow));
  error.set_target_table(Word(from.dst_table()));
  error.set_target_data(migrations::CleanText(from.dst_data(), kRow));
  error.set_error_type(Word(from.error_type()));
  error.set_state(v1::ValidationErrorState_IsValid(from.status())
                      ? static_cast<v1::ValidationErrorState>(from.status())
                      : v1::VALIDATION_ERROR_STATE_UNSPECIFIED);
  error.set_time_text(Word(from.time()));
  error.set_message(migrations::CleanText(from.message(), kRow));
  return error;
}

absl::Status NoValidation(const std::string& task) {
  return Error(absl::StatusCode::kFailedPrecondition, "VALIDATION_MISSING",
               "nothing validates task {} there", task)
      .With("task", task)
      .Remedy("start the validation first");
}

// Sources that are to be validated, and are not; or, with runs, those that are.
absl::Status LookForValidators(const Resources& resources, const topology::Cluster& cluster,
                               bool runs, pv1::ValidationParams* params) {
  const std::string task = params->task_name();
  ASSIGN_OR_RETURN(const auto stuck, LookAtStuck(resources, cluster, task,
                                                 ListOf(params->source_ids()), WithinLook()));
  ASSIGN_OR_RETURN(const auto status, resources.members->migrations().GetValidationStatus(
                                          cluster, task, WithinLook()));
  std::set<std::string> running;
  for (const auto& one : status.validators()) {
    if (one.stage() == pb::STAGE_RUNNING) running.insert(one.source());
  }
  params->clear_source_ids();
  for (const auto& subtask : stuck.subtasks) {
    if (running.contains(subtask.source_id()) == runs) params->add_source_ids(subtask.source_id());
  }
  if (!params->source_ids().empty()) return absl::OkStatus();
  if (runs) return NoValidation(task);
  return Error(absl::StatusCode::kFailedPrecondition, "VALIDATION_RUNS",
               "task {} is validated already", task)
      .With("task", task)
      .Remedy("ask how far it is, or stop it first");
}

template <typename Request>
pv1::ValidationParams ValidationOf(const Request& request) {
  pv1::ValidationParams params;
  params.set_task_name(request.task_name());
  *params.mutable_source_ids() = request.source_ids();
  return params;
}

using MakeValidationPlan = engine::Plan (*)(const topology::Cluster& cluster,
                                            const pv1::ValidationParams& params);

template <typename Request>
absl::StatusOr<v1::Operation> ChangeValidation(const Resources& resources, const Request& request,
                                               const Caller& caller, pv1::ValidationParams params,
                                               const absl::Status& fits, bool runs,
                                               MakeValidationPlan plan) {
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(fits);
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) {
    return LookForValidators(resources, subject.record.cluster, runs, &params);
  };
  rules.plan = [&](const Subject& subject) { return plan(subject.record.cluster, params); };
  return Change(resources, request, caller, rules);
}

absl::Status CheckCutover(const v1::UpdateValidationRequest& request) {
  if (request.cutover_binlog_position().empty() != request.cutover_gtid().empty()) {
    return absl::OkStatus();
  }
  return UnfitRequest("where the writers were switched was not said",
                      "give a position of the binlog, or a set of GTIDs");
}

}  // namespace

absl::StatusOr<v1::Operation> StartValidation(const Resources& resources,
                                              const v1::StartValidationRequest& request,
                                              const Caller& caller) {
  auto params = ValidationOf(request);
  params.set_mode(request.mode() == v1::VALIDATION_MODE_FAST ? "fast" : "full");
  if (request.has_start_time()) {
    params.set_start_time(absl::FormatTime("%Y-%m-%d %H:%M:%S",
                                           absl::FromUnixSeconds(request.start_time().seconds()),
                                           absl::UTCTimeZone()));
  }
  return ChangeValidation(resources, request, caller, params, absl::OkStatus(), /*runs=*/false,
                          PlanStartValidation);
}

absl::StatusOr<v1::Operation> StopValidation(const Resources& resources,
                                             const v1::StopValidationRequest& request,
                                             const Caller& caller) {
  return ChangeValidation(resources, request, caller, ValidationOf(request), absl::OkStatus(),
                          /*runs=*/true, PlanStopValidation);
}

absl::StatusOr<v1::Operation> UpdateValidation(const Resources& resources,
                                               const v1::UpdateValidationRequest& request,
                                               const Caller& caller) {
  auto params = ValidationOf(request);
  params.set_cutover_binlog_position(request.cutover_binlog_position());
  params.set_cutover_gtid(request.cutover_gtid());
  return ChangeValidation(resources, request, caller, params, CheckCutover(request), /*runs=*/true,
                          PlanUpdateValidation);
}

absl::StatusOr<v1::Operation> HandleValidationErrors(
    const Resources& resources, const v1::HandleValidationErrorsRequest& request,
    const Caller& caller) {
  pv1::ValidationParams params;
  params.set_task_name(request.task_name());
  params.set_action(request.action());
  params.set_error_id(request.error_id());
  params.set_all(request.all());
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    if (request.action() == v1::VALIDATION_ERROR_ACTION_UNSPECIFIED ||
        !v1::ValidationErrorAction_IsValid(request.action())) {
      return UnfitRequest("what becomes of the rows was not said", "name an action");
    }
    if (request.all() == (request.error_id() != 0)) {
      return UnfitRequest("which rows are meant was not said", "name one by its id, or all");
    }
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(const auto status,
                     resources.members->migrations().GetValidationStatus(
                         subject.record.cluster, request.task_name(), WithinLook()));
    return status.validators().empty() ? NoValidation(request.task_name()) : absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    return PlanHandleDifferences(subject.record.cluster, params);
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::GetValidationResponse> GetValidation(const Resources& resources,
                                                        const v1::GetValidationRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(const auto status, resources.members->migrations().GetValidationStatus(
                                          record.cluster, request.task_name(), WithinLook()));
  v1::GetValidationResponse response;
  for (const auto& one : status.validators()) *response.add_validators() = ShownValidator(one);
  for (const auto& one : status.table_statuses()) {
    if (response.tables_size() == kMostValidated) break;
    auto* table = response.add_tables();
    table->set_source_id(Word(one.source()));
    table->set_source_table(Word(one.src_table()));
    table->set_target_table(Word(one.dst_table()));
    table->set_stage(migrations::StageOf(one.stage()));
    table->set_message(migrations::CleanText(one.message(), kRow));
  }
  return response;
}

absl::StatusOr<v1::ListValidationErrorsResponse> ListValidationErrors(
    const Resources& resources, const v1::ListValidationErrorsRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  pb::GetValidationErrorRequest asked;
  asked.set_task_name(request.task_name());
  asked.set_err_state(static_cast<pb::ValidateErrorState>(request.state()));
  ASSIGN_OR_RETURN(const auto listed, resources.members->migrations().GetValidationErrors(
                                          record.cluster, asked, WithinLook()));
  v1::ListValidationErrorsResponse response;
  for (const auto& error : listed.error()) {
    response.set_truncated(response.errors_size() == kMostDifferences);
    if (response.truncated()) break;
    *response.add_errors() = ShownDifference(error);
  }
  return response;
}

}  // namespace dmgr::operations
