#include "server/operations/steps/turn_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/error.h"
#include "server/operations/plan/turns.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

absl::StatusOr<bool> HasDeferred(const Resources& resources, const StepContext& context,
                                 const std::string& step_id) {
  ASSIGN_OR_RETURN(const std::string json, ResultOf(resources, context, step_id));
  TurnResult result;
  RETURN_IF_ERROR(FromJson(json, &result));
  return result.deferred;
}

bool IsWorker(const Turn& turn) {
  return turn.instance->component == topology::Component::kDmWorker;
}

StepResult Deferred() {
  StepResult result;
  result.result_json = ToJson(TurnResult{true});
  return result;
}

}  // namespace

absl::StatusOr<std::string> ResultOf(const Resources& resources, const StepContext& context,
                                     const std::string& step_id) {
  store::OperationRecord operation;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(operation,
                     store::GetOperation(tx, context.operation().operation.operation_id()));
    return absl::OkStatus();
  }));
  for (const auto& step : operation.steps) {
    if (step.step.step_id() == step_id) return step.result_json;
  }
  return Error(absl::StatusCode::kInternal, "STEP_MISSING", "the operation has no step {}",
               step_id);
}

absl::StatusOr<Turn> TurnRunner::TurnOf(const topology::Cluster& cluster, StepContext& context,
                                        const std::string& instance) const {
  Turn turn;
  turn.cluster = &cluster;
  for (const auto& one : cluster.instances) {
    if (one.name == instance) turn.instance = &one;
  }
  if (turn.instance == nullptr) {
    return Error(absl::StatusCode::kInternal, "INSTANCE_MISSING", "cluster {} has no instance {}",
                 cluster.name, instance);
  }
  ASSIGN_OR_RETURN(const std::string json, ResultOf(resources(), context, kMembersStep));
  MembersSeen seen;
  if (json != "{}") RETURN_IF_ERROR(FromJson(json, &seen));
  turn.sources = std::move(seen.sources);
  return turn;
}

absl::StatusOr<StepResult> TurnRunner::Run(StepContext& context) {
  TurnParams params;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(const Turn turn, TurnOf(record.cluster, context, params.instance));
  if (!params.deferred_by.empty()) {
    ASSIGN_OR_RETURN(const bool left, HasDeferred(resources(), context, params.deferred_by));
    if (!left) return Deferred();
  }
  ASSIGN_OR_RETURN(const bool needed, Needs(context, record, turn));
  if (!needed) return Deferred();
  // What an earlier attempt has begun is not left half done to the second step.
  const bool is_retry = context.step().step.attempts() > 1;
  std::optional<TurnGate::Place> place;
  if (params.may_defer && IsWorker(turn)) {
    ASSIGN_OR_RETURN(place, AwaitPlace(context, turn, &Hosts(context).turns(),
                                       is_retry ? Beside::kAlways : Beside::kUnlessBound));
    if (!place.has_value()) return Deferred();
  } else if (params.may_defer && !is_retry) {
    ASSIGN_OR_RETURN(const bool leads, Leads(context, turn));
    if (leads) return Deferred();
  }
  RETURN_IF_ERROR(Do(context, record, turn));
  StepResult result;
  ASSIGN_OR_RETURN(result.commit, Record(context, turn, /*back=*/false));
  return result;
}

absl::StatusOr<StepResult> TurnRunner::Undo(StepContext& context) {
  TurnParams params;
  TurnResult result;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  RETURN_IF_ERROR(FromJson(context.step().result_json, &result));
  if (result.deferred) return StepResult{};
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(const Turn turn, TurnOf(record.cluster, context, params.instance));
  ASSIGN_OR_RETURN(const auto ran, ThatWere(true, {turn.instance}, context));
  std::optional<TurnGate::Place> place;
  if (params.may_defer && IsWorker(turn) && !ran.empty()) {
    ASSIGN_OR_RETURN(place, AwaitPlace(context, turn, &Hosts(context).turns(), Beside::kAlways));
  }
  RETURN_IF_ERROR(Revert(context, record, turn, !ran.empty()));
  StepResult undone;
  ASSIGN_OR_RETURN(undone.commit, Record(context, turn, /*back=*/true));
  return undone;
}

absl::StatusOr<bool> TurnRunner::IsDone(StepContext& context) {
  TurnParams params;
  TurnResult result;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  RETURN_IF_ERROR(FromJson(context.step().result_json, &result));
  if (result.deferred) return true;
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(const Turn turn, TurnOf(record.cluster, context, params.instance));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, {turn.instance}));
  return std::all_of(units.begin(), units.end(), IsActive);
}

}  // namespace dmgr::operations
