#include "server/operations/steps/turn_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/error.h"
#include "server/operations/plan/turns.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

absl::StatusOr<pv1::TurnParams> TurnParamsOf(const StepContext& context) {
  ASSIGN_OR_RETURN(auto params, ParamsOf<pv1::AnyTurn>(context));
  return std::move(*params.mutable_turn());
}

absl::StatusOr<bool> HasDeferred(StepContext& context, const std::string& step_id) {
  ASSIGN_OR_RETURN(const auto result, ResultOf<pv1::TurnResult>(context, step_id));
  return result.has_value() && result->deferred();
}

absl::StatusOr<bool> HasDeferred(const StepContext& context) {
  ASSIGN_OR_RETURN(const auto result, OwnResult<pv1::TurnResult>(context));
  return result.has_value() && result->deferred();
}

bool IsWorker(const Turn& turn) {
  return turn.instance->component == topology::Component::kDmWorker;
}

using Commit = std::function<absl::Status(store::Transaction&)>;

// Both, where there are two.
Commit Both(Commit first, Commit second) {
  if (!second) return first;
  return [first = std::move(first), second = std::move(second)](store::Transaction& tx) {
    RETURN_IF_ERROR(first(tx));
    return second(tx);
  };
}

StepResult Deferred() {
  pv1::TurnResult result;
  result.set_deferred(true);
  return StepResult{.result_json = StepJson(result), .commit = nullptr};
}

}  // namespace

absl::StatusOr<Turn> TurnRunner::TurnOf(const topology::Cluster& cluster, StepContext& context,
                                        const pv1::TurnParams& params) const {
  const std::string& instance = params.instance();
  Turn turn;
  turn.cluster = &cluster;
  turn.spares_no_majority = params.spares_no_majority();
  turn.accepts_load_restart = params.accepts_load_restart();
  for (const auto& one : cluster.instances) {
    if (one.name == instance) turn.instance = &one;
  }
  if (turn.instance == nullptr) {
    return Error(absl::StatusCode::kInternal, "INSTANCE_MISSING", "cluster {} has no instance {}",
                 cluster.name, instance);
  }
  ASSIGN_OR_RETURN(const auto seen, ResultOf<pv1::MembersSeen>(context, kMembersStep));
  if (!seen.has_value()) return turn;
  turn.sources.assign(seen->sources().begin(), seen->sources().end());
  turn.subtasks.assign(seen->subtasks().begin(), seen->subtasks().end());
  return turn;
}

absl::StatusOr<StepResult> TurnRunner::Run(StepContext& context) {
  ASSIGN_OR_RETURN(const auto params, TurnParamsOf(context));
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(Turn turn, TurnOf(record.cluster, context, params));
  pv1::TurnResult paused;
  turn.paused = &paused;
  if (!params.deferred_by().empty()) {
    ASSIGN_OR_RETURN(const bool left, HasDeferred(context, params.deferred_by()));
    if (!left) return Deferred();
  }
  ASSIGN_OR_RETURN(const bool needed, NeedsTurn(context, record, turn));
  if (!needed) return Deferred();
  // What an earlier attempt has begun is not left half done to the second step.
  const bool is_retry = context.step().step.attempts() > 1;
  std::optional<TurnGate::Place> place;
  if (params.may_defer() && IsWorker(turn)) {
    ASSIGN_OR_RETURN(place, AwaitPlace(context, turn, &Hosts(context).turns(),
                                       is_retry ? Beside::kAlways : Beside::kUnlessBound));
    if (!place.has_value()) return Deferred();
  } else if (params.may_defer() && !is_retry) {
    ASSIGN_OR_RETURN(const bool leads, Leads(context, turn));
    if (leads) return Deferred();
  }
  RETURN_IF_ERROR(RenewProcess(context, record, turn));
  StepResult result;
  if (!paused.paused().empty()) result.result_json = StepJson(paused);
  ASSIGN_OR_RETURN(result.commit, CommitOf(context, turn, /*back=*/false));
  ASSIGN_OR_RETURN(const bool stopped, StaysStopped(context, *turn.instance));
  if (stopped) return result;
  StepResult started = WantRunning(context, {turn.instance}, true);
  started.result_json = result.result_json;
  started.commit = Both(std::move(started.commit), std::move(result.commit));
  return started;
}

absl::StatusOr<StepResult> TurnRunner::Undo(StepContext& context) {
  ASSIGN_OR_RETURN(const bool deferred, HasDeferred(context));
  if (deferred) return StepResult{};
  ASSIGN_OR_RETURN(const auto params, TurnParamsOf(context));
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(Turn turn, TurnOf(record.cluster, context, params));
  // Whoever goes back has seen that it was taken once.
  turn.accepts_load_restart = true;
  ASSIGN_OR_RETURN(const auto ran, ThatWere(true, {turn.instance}, context));
  std::optional<TurnGate::Place> place;
  if (params.may_defer() && IsWorker(turn) && !ran.empty()) {
    ASSIGN_OR_RETURN(place, AwaitPlace(context, turn, &Hosts(context).turns(), Beside::kAlways));
  }
  RETURN_IF_ERROR(RestoreProcess(context, record, turn, !ran.empty()));
  ASSIGN_OR_RETURN(StepResult undone, WantAsBefore(context, {turn.instance}));
  ASSIGN_OR_RETURN(auto commit, CommitOf(context, turn, /*back=*/true));
  undone.commit = Both(std::move(undone.commit), std::move(commit));
  return undone;
}

absl::StatusOr<bool> TurnRunner::IsDone(StepContext& context) {
  ASSIGN_OR_RETURN(const bool deferred, HasDeferred(context));
  if (deferred) return true;
  ASSIGN_OR_RETURN(const auto params, TurnParamsOf(context));
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(const Turn turn, TurnOf(record.cluster, context, params));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, {turn.instance}));
  return std::all_of(units.begin(), units.end(), IsActive);
}

}  // namespace dmgr::operations
