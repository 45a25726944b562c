#include "server/operations/plan/turns.h"

#include <fmt/format.h>

#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using StepIds = std::vector<std::string>;
using Instances = std::vector<const Instance*>;

// Seconds of a restart, for the weight of a step.
constexpr double kTurnWeight = 2;

// What of an instance shows only when the steps run, and leaves it to its second step.
struct Deferral {
  // "unless it leads", "if it led".
  const char* unless;
  const char* if_so;
  // Part of the second step's id.
  const char* suffix;
};
constexpr Deferral kLeads = {"unless it leads", "if it led", "leader"};
constexpr Deferral kBound = {"unless it is bound", "if it was bound", "bound"};

// Appends the turns of one operation.
class TurnPlanner {
 public:
  TurnPlanner(engine::Plan* plan, const char* runner, const std::string& verb,
              const TurnOptions& options)
      : plan_(*plan), runner_(runner), verb_(verb), options_(options) {}

  // One after another, whatever shows.
  StepIds AddPlain(const Instances& instances, StepIds before) {
    for (const auto* instance : instances) {
      before = Append(Turn(*instance, verb_, "", PlainTurn(*instance), before));
    }
    return before;
  }

  StepIds AddMasters(const Instances& masters, StepIds before) {
    for (const auto* master : masters) before = Append(FirstTurn(*master, kLeads, before));
    return AddSecondTurns(masters, kLeads, std::move(before));
  }

  StepIds AddWorkers(const Instances& workers, StepIds before) {
    if (options_.before_workers != nullptr) {
      const auto besides = options_.before_workers(&plan_);
      before.insert(before.end(), besides.begin(), besides.end());
    }
    if (workers.size() == 1) return AddPlain(workers, std::move(before));
    StepIds first;
    for (const auto* worker : workers) {
      auto step = FirstTurn(*worker, kBound, before);
      // So many chains of turns.
      if (options_.max_parallel != 0 && first.size() >= options_.max_parallel) {
        step.depends_on = {first[first.size() - options_.max_parallel]};
      }
      first.push_back(step.id);
      plan_.steps.push_back(std::move(step));
    }
    if (!first.empty()) before = std::move(first);
    return AddSecondTurns(workers, kBound, std::move(before));
  }

 private:
  // what: of the step's id. condition: of its title, or nothing.
  engine::Step Turn(const Instance& instance, const std::string& what, const std::string& condition,
                    const pv1::TurnParams& turn, const StepIds& before) const {
    auto step = HostStep(instance.machine_id, fmt::format("{}/{}", what, instance.name),
                         fmt::format("{} {}", verb_, instance.name), runner_, before);
    if (!condition.empty()) step.title += " " + condition;
    step.weight = kTurnWeight;
    if (options_.describe != nullptr) {
      options_.describe(instance, turn, &step);
    } else {
      pv1::AnyTurn params;
      *params.mutable_turn() = turn;
      step.payload_json = StepJson(params);
    }
    return step;
  }

  pv1::TurnParams PlainTurn(const Instance& instance) const {
    pv1::TurnParams turn;
    turn.set_instance(instance.name);
    turn.set_spares_no_majority(options_.spares_no_majority);
    turn.set_accepts_load_restart(options_.accepts_load_restart);
    return turn;
  }

  engine::Step FirstTurn(const Instance& instance, const Deferral& deferral,
                         const StepIds& before) const {
    auto turn = PlainTurn(instance);
    turn.set_may_defer(true);
    return Turn(instance, verb_, deferral.unless, turn, before);
  }

  // One after another, for those that were left.
  StepIds AddSecondTurns(const Instances& instances, const Deferral& deferral, StepIds before) {
    for (const auto* instance : instances) {
      auto turn = PlainTurn(*instance);
      turn.set_deferred_by(TurnId(*instance, verb_));
      auto step = Turn(*instance, fmt::format("{}-{}", verb_, deferral.suffix), deferral.if_so,
                       turn, before);
      step.weight = kTurnWeight / static_cast<double>(instances.size());
      before = Append(std::move(step));
    }
    return before;
  }

  StepIds Append(engine::Step step) {
    StepIds ids = {step.id};
    plan_.steps.push_back(std::move(step));
    return ids;
  }

  engine::Plan& plan_;
  const char* const runner_;
  const std::string& verb_;
  const TurnOptions& options_;
};

Instances Having(components::Turns turns, const Instances& instances) {
  Instances found;
  for (const Component component : topology::kComponents) {
    if (components::TraitsOf(component).turns != turns) continue;
    for (const auto* instance : instances) {
      if (instance->component == component) found.push_back(instance);
    }
  }
  return found;
}

}  // namespace

std::string TurnId(const Instance& instance, const std::string& verb) {
  return fmt::format("{}/{}/{}", instance.machine_id, verb, instance.name);
}

std::vector<std::string> AddMembersSurvey(engine::Plan* plan, std::vector<std::string> before) {
  plan->steps.push_back(
      ControlStep(kMembersStep, "record the members", kSurveyMembers, std::move(before)));
  return {kMembersStep};
}

std::vector<std::string> AddTurns(engine::Plan* plan, const std::vector<const Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before, const TurnOptions& options) {
  const StepIds surveyed = AddMembersSurvey(plan, std::move(before));
  const Instances masters = Having(components::Turns::kLeaderLast, instances);
  const Instances workers = Having(components::Turns::kOneByOne, instances);
  const Instances monitoring = Having(components::Turns::kBesideDm, instances);
  TurnPlanner planner(plan, runner, verb, options);
  StepIds last = options.order == DmOrder::kWorkersFirst
                     ? planner.AddMasters(masters, planner.AddWorkers(workers, surveyed))
                     : planner.AddWorkers(workers, planner.AddMasters(masters, surveyed));
  if (monitoring.empty()) return last;
  const auto beside = planner.AddPlain(monitoring, surveyed);
  last.insert(last.end(), beside.begin(), beside.end());
  return last;
}

}  // namespace dmgr::operations
