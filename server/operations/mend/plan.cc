#include "server/operations/mend/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "dmgr/v1/task_error_service.pb.h"
#include "dmgr/v1/validation_service.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

template <typename Params>
engine::Plan OneStep(v1::OperationKind kind, const topology::Cluster& cluster,
                     const std::string& title, const char* runner, const Params& params) {
  engine::Plan plan = NewPlan(kind, cluster);
  auto step = ControlStep("mend", title, runner, {});
  step.payload_json = StepJson(params);
  step.point_of_no_return = true;
  plan.steps.push_back(std::move(step));
  return plan;
}

// "task shop", or "source s1 of task shop".
std::string Whom(const std::string& task, const std::vector<std::string>& sources) {
  if (sources.empty()) return "task " + task;
  return fmt::format("{} {} of task {}", sources.size() == 1 ? "source" : "sources",
                     fmt::join(sources, ", "), task);
}

template <typename Params>
std::string WhomOf(const Params& params) {
  return Whom(params.task_name(), {params.source_ids().begin(), params.source_ids().end()});
}

const char* WordsFor(int action) {
  switch (action) {
    case v1::TASK_ERROR_ACTION_SKIP:
      return "skip";
    case v1::TASK_ERROR_ACTION_REPLACE:
      return "replace";
    case v1::TASK_ERROR_ACTION_INJECT:
      return "put others before";
    default:
      return "take back what was said of";
  }
}

const char* WordsForDifferences(int action) {
  switch (action) {
    case v1::VALIDATION_ERROR_ACTION_IGNORE:
      return "ignore";
    case v1::VALIDATION_ERROR_ACTION_RESOLVE:
      return "mark as resolved";
    default:
      return "forget";
  }
}

}  // namespace

engine::Plan PlanHandleError(const topology::Cluster& cluster,
                             const pv1::HandleErrorParams& params) {
  std::vector<std::string> whom(params.source_ids().begin(), params.source_ids().end());
  std::vector<std::string> what;
  for (const auto& error : params.errors()) {
    whom.push_back(error.source_id());
    if (!error.binlog_position().empty()) what.push_back(error.binlog_position());
  }
  if (!params.binlog_position().empty()) what.push_back(params.binlog_position());
  const std::string where = what.empty() ? "" : fmt::format(" at {}", fmt::join(what, ", "));
  engine::Plan plan = OneStep(v1::OPERATION_KIND_HANDLE_TASK_ERROR, cluster,
                              fmt::format("{} the statement{} of {}", WordsFor(params.action()),
                                          where, Whom(params.task_name(), whom)),
                              kHandleError, params);
  if (params.errors().empty()) return plan;
  auto wait = ControlStep("await", fmt::format("wait until task {} is past it", params.task_name()),
                          kAwaitPast, {plan.steps.back().id});
  wait.payload_json = StepJson(params);
  plan.steps.push_back(std::move(wait));
  return plan;
}

engine::Plan PlanUnlock(const topology::Cluster& cluster, const pv1::UnlockParams& params) {
  return OneStep(v1::OPERATION_KIND_UNLOCK_SHARD_LOCK, cluster,
                 fmt::format("resolve the shard lock {}", params.lock_id()), kUnlockShards, params);
}

engine::Plan PlanStructure(const topology::Cluster& cluster, const pv1::StructureParams& params) {
  const bool sets = !params.statement().empty() || params.from_source() || params.from_target();
  return OneStep(v1::OPERATION_KIND_CHANGE_TABLE_STRUCTURE, cluster,
                 fmt::format("{} the structure of {}.{} for {}", sets ? "set" : "remove",
                             params.database_name(), params.table_name(), WhomOf(params)),
                 kSetStructure, params);
}

engine::Plan PlanStartValidation(const topology::Cluster& cluster,
                                 const pv1::ValidationParams& params) {
  return OneStep(v1::OPERATION_KIND_START_VALIDATION, cluster,
                 "start the validation of " + WhomOf(params), kStartValidation, params);
}

engine::Plan PlanStopValidation(const topology::Cluster& cluster,
                                const pv1::ValidationParams& params) {
  return OneStep(v1::OPERATION_KIND_STOP_VALIDATION, cluster,
                 "stop the validation of " + WhomOf(params), kStopValidation, params);
}

engine::Plan PlanUpdateValidation(const topology::Cluster& cluster,
                                  const pv1::ValidationParams& params) {
  return OneStep(v1::OPERATION_KIND_CHANGE_VALIDATION, cluster,
                 fmt::format("switch the validation of {} at {}{}", WhomOf(params),
                             params.cutover_binlog_position(), params.cutover_gtid()),
                 kUpdateValidation, params);
}

engine::Plan PlanHandleDifferences(const topology::Cluster& cluster,
                                   const pv1::ValidationParams& params) {
  const std::string which =
      params.all() ? "all differing rows" : fmt::format("differing row {}", params.error_id());
  return OneStep(v1::OPERATION_KIND_CHANGE_VALIDATION, cluster,
                 fmt::format("{} {} of task {}", WordsForDifferences(params.action()), which,
                             params.task_name()),
                 kHandleDifferences, params);
}

}  // namespace dmgr::operations
