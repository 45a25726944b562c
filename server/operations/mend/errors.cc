// Errors that have paused a task.
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

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

bool IsPosition(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(colon) + 1, text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

absl::Status CheckHandling(const v1::HandleTaskErrorRequest& request) {
  const bool brings = request.action() == v1::TASK_ERROR_ACTION_REPLACE ||
                      request.action() == v1::TASK_ERROR_ACTION_INJECT;
  if (request.action() == v1::TASK_ERROR_ACTION_UNSPECIFIED ||
      !v1::TaskErrorAction_IsValid(request.action())) {
    return UnfitRequest("what becomes of the statement was not said", "name an action");
  }
  if (brings && request.statements().empty()) {
    return UnfitRequest("there are no statements to execute", "give at least one");
  }
  if (!brings && !request.statements().empty()) {
    return UnfitRequest("this action takes no statements", "leave them out, or have them replace");
  }
  if (!request.binlog_position().empty() && !IsPosition(request.binlog_position())) {
    return UnfitRequest(request.binlog_position() + " is no position of a binlog",
                        "write it as FILE:POSITION, such as mysql-bin.000002:1234");
  }
  return absl::OkStatus();
}

absl::Status NoError(const std::string& task, const std::string& whom) {
  return Error(absl::StatusCode::kFailedPrecondition, "TASK_HAS_NO_ERROR",
               "no error has paused {} of task {}", whom, task)
      .With("task", task)
      .Remedy("list its errors, or name the position of a statement that it has not reached");
}

bool IsPausedByError(const v1::Subtask& subtask) {
  return subtask.stage() == v1::TASK_STAGE_PAUSED && !subtask.errors().empty();
}

// DM does so of statements that change tables only, but for other ones before them. DM v5 does not
// know how to list: there the change itself says so.
absl::Status CheckIsDdl(const Resources& resources, const topology::Cluster& cluster,
                        const pv1::HandleErrorParams& params,
                        const std::vector<const v1::Subtask*>& failing) {
  if (params.action() == v1::TASK_ERROR_ACTION_INJECT || cluster.version.starts_with("v5.")) {
    return absl::OkStatus();
  }
  pb::HandleErrorRequest request;
  request.set_op(pb::ERROR_OP_LIST);
  request.set_task(params.task_name());
  for (const auto* one : failing) request.add_sources(one->source_id());
  const absl::Status listed =
      resources.members->migrations().HandleError(cluster, request, WithinLook()).status();
  if (Message(listed).find("only support to handle ddl error") == std::string::npos) {
    return absl::OkStatus();
  }
  const auto other = std::ranges::find_if(
      failing, [](const auto* one) { return !migrations::IsOfDdl(one->errors(0)); });
  const auto& error = (other == failing.end() ? failing.front() : *other)->errors(0);
  return Error(absl::StatusCode::kFailedPrecondition, "TASK_ERROR_NO_DDL",
               "DM handles statements that change tables only, and task {} was paused by another "
               "one: {}",
               params.task_name(), migrations::WordsOf(error))
      .With("task", params.task_name())
      .Remedy(migrations::AdviceFor(error) + "; then resume the task");
}

absl::Status LookForErrors(const Resources& resources, const topology::Cluster& cluster,
                           const v1::HandleTaskErrorRequest& request,
                           pv1::HandleErrorParams* params) {
  ASSIGN_OR_RETURN(const auto stuck, LookAtStuck(resources, cluster, request.task_name(),
                                                 ListOf(request.source_ids()), WithinLook()));
  if (!request.binlog_position().empty()) return absl::OkStatus();
  std::vector<const v1::Subtask*> failing;
  for (const auto& subtask : stuck.subtasks) {
    if (IsPausedByError(subtask)) {
      failing.push_back(&subtask);
    } else if (!request.source_ids().empty()) {
      return NoError(request.task_name(), "source " + subtask.source_id());
    }
  }
  if (failing.empty()) return NoError(request.task_name(), "any source");
  params->clear_source_ids();
  for (const auto* one : failing) *params->add_errors() = SeenErrorOf(*one);
  return CheckIsDdl(resources, cluster, *params, failing);
}

}  // namespace

absl::StatusOr<v1::ListTaskErrorsResponse> ListTaskErrors(
    const Resources& resources, const v1::ListTaskErrorsRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(auto stuck,
                   LookAtStuck(resources, record.cluster, request.task_name(), {}, WithinLook()));
  v1::ListTaskErrorsResponse response;
  for (auto& subtask : stuck.subtasks) {
    if (subtask.errors().empty()) continue;
    auto* source = response.add_sources();
    source->set_source_id(subtask.source_id());
    source->set_worker_name(subtask.worker_name());
    source->set_stage(subtask.stage());
    source->set_unit(subtask.unit());
    source->set_binlog_position(migrations::PositionOf(subtask.errors(0)));
    source->set_advice(migrations::AdviceFor(subtask.errors(0)));
    for (auto& action :
         migrations::ActionsFor(request.cluster_name(), request.task_name(), subtask)) {
      *source->add_next_actions() = std::move(action);
    }
    *source->mutable_errors() = std::move(*subtask.mutable_errors());
  }
  response.mutable_silent_sources()->insert(stuck.silent_sources.begin(),
                                            stuck.silent_sources.end());
  return response;
}

absl::StatusOr<v1::Operation> HandleTaskError(const Resources& resources,
                                              const v1::HandleTaskErrorRequest& request,
                                              const Caller& caller) {
  pv1::HandleErrorParams params;
  params.set_task_name(request.task_name());
  params.set_action(request.action());
  params.set_binlog_position(request.binlog_position());
  *params.mutable_source_ids() = request.source_ids();
  *params.mutable_statements() = request.statements();
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(CheckHandling(request));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) {
    return LookForErrors(resources, subject.record.cluster, request, &params);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanHandleError(subject.record.cluster, params);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
