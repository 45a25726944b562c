#include "server/operations/plan/turns.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

// Seconds of a restart, for the weight of a step.
constexpr double kTurnWeight = 2;

engine::Step TurnStep(const Instance& instance, const char* runner, const std::string& what,
                      const std::string& title, const TurnParams& params,
                      const std::vector<std::string>& before) {
  auto step = HostStep(instance.machine_id, what, title, runner, before);
  step.payload_json = ToJson(params);
  step.weight = kTurnWeight;
  return step;
}

std::vector<std::string> Append(engine::Plan* plan, engine::Step step) {
  const std::string id = step.id;
  plan->steps.push_back(std::move(step));
  return {id};
}

// What of an instance shows only when the steps run, and leaves it to its second step.
struct Deferral {
  // "unless it leads", "if it led".
  const char* unless;
  const char* if_so;
  // Of the second step's id.
  const char* suffix;
};
constexpr Deferral kLeads = {"unless it leads", "if it led", "leader"};
constexpr Deferral kBound = {"unless it is bound", "if it was bound", "bound"};

engine::Step FirstTurn(const Instance& instance, const char* runner, const std::string& verb,
                       const Deferral& deferral, const std::vector<std::string>& before) {
  return TurnStep(instance, runner, fmt::format("{}/{}", verb, instance.name),
                  fmt::format("{} {} {}", verb, instance.name, deferral.unless),
                  {instance.name, true, ""}, before);
}

// One after another, for those that were left.
std::vector<std::string> AddSecondTurns(engine::Plan* plan,
                                        const std::vector<const Instance*>& instances,
                                        const char* runner, const std::string& verb,
                                        const Deferral& deferral, std::vector<std::string> before) {
  for (const auto* instance : instances) {
    auto step =
        TurnStep(*instance, runner, fmt::format("{}-{}/{}", verb, deferral.suffix, instance->name),
                 fmt::format("{} {} {}", verb, instance->name, deferral.if_so),
                 {instance->name, false, TurnId(*instance, verb)}, before);
    step.weight = kTurnWeight / static_cast<double>(instances.size());
    before = Append(plan, std::move(step));
  }
  return before;
}

// One after another, whatever shows.
std::vector<std::string> AddPlainTurns(engine::Plan* plan,
                                       const std::vector<const Instance*>& instances,
                                       const char* runner, const std::string& verb,
                                       std::vector<std::string> before) {
  for (const auto* instance : instances) {
    before = Append(plan, TurnStep(*instance, runner, fmt::format("{}/{}", verb, instance->name),
                                   fmt::format("{} {}", verb, instance->name),
                                   {instance->name, false, ""}, before));
  }
  return before;
}

std::vector<std::string> AddMasterTurns(engine::Plan* plan,
                                        const std::vector<const Instance*>& masters,
                                        const char* runner, const std::string& verb,
                                        std::vector<std::string> before) {
  for (const auto* master : masters) {
    before = Append(plan, FirstTurn(*master, runner, verb, kLeads, before));
  }
  return AddSecondTurns(plan, masters, runner, verb, kLeads, std::move(before));
}

std::vector<std::string> AddWorkerTurns(engine::Plan* plan,
                                        const std::vector<const Instance*>& workers,
                                        const char* runner, const std::string& verb,
                                        std::uint32_t max_parallel,
                                        std::vector<std::string> before) {
  if (workers.size() == 1) return AddPlainTurns(plan, workers, runner, verb, std::move(before));
  std::vector<std::string> first;
  for (const auto* worker : workers) {
    auto step = FirstTurn(*worker, runner, verb, kBound, before);
    // So many chains of turns.
    if (max_parallel != 0 && first.size() >= max_parallel) {
      step.depends_on = {first[first.size() - max_parallel]};
    }
    first.push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
  if (!first.empty()) before = std::move(first);
  return AddSecondTurns(plan, workers, runner, verb, kBound, std::move(before));
}

}  // namespace

std::string TurnId(const Instance& instance, const std::string& verb) {
  return fmt::format("{}/{}/{}", instance.machine_id, verb, instance.name);
}

std::vector<std::string> AddTurns(engine::Plan* plan, const std::vector<const Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before, const TurnOptions& options) {
  const std::vector<std::string> first =
      Append(plan, ControlStep(kMembersStep, "record the members", kSurveyMembers, before));
  std::vector<const Instance*> masters;
  std::vector<const Instance*> workers;
  std::vector<const Instance*> monitoring;
  for (const Component component : topology::kComponents) {
    for (const auto* instance : instances) {
      if (instance->component != component) continue;
      switch (components::TraitsOf(component).turns) {
        case components::Turns::kLeaderLast:
          masters.push_back(instance);
          break;
        case components::Turns::kOneByOne:
          workers.push_back(instance);
          break;
        case components::Turns::kBesideDm:
          monitoring.push_back(instance);
          break;
      }
    }
  }
  const auto add_workers = [&](std::vector<std::string> ids) {
    if (options.before_workers != nullptr) {
      const auto besides = options.before_workers(plan);
      ids.insert(ids.end(), besides.begin(), besides.end());
    }
    return AddWorkerTurns(plan, workers, runner, verb, options.max_parallel, std::move(ids));
  };
  std::vector<std::string> last;
  if (options.order == DmOrder::kWorkersFirst) {
    last = AddMasterTurns(plan, masters, runner, verb, add_workers(first));
  } else {
    last = add_workers(AddMasterTurns(plan, masters, runner, verb, first));
  }
  if (monitoring.empty()) return last;
  const auto beside = AddPlainTurns(plan, monitoring, runner, verb, first);
  last.insert(last.end(), beside.begin(), beside.end());
  return last;
}

std::string ToJson(const TurnParams& params) {
  return nlohmann::json{{"instance", params.instance},
                        {"may_defer", params.may_defer},
                        {"deferred_by", params.deferred_by}}
      .dump();
}

std::string ToJson(const TurnResult& result) {
  return nlohmann::json{{"deferred", result.deferred}}.dump();
}

std::string ToJson(const MembersSeen& seen) {
  return nlohmann::json{{"sources", seen.sources}}.dump();
}

absl::Status FromJson(const std::string& json, TurnParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("instance").get_to(params->instance);
    j.at("may_defer").get_to(params->may_defer);
    j.at("deferred_by").get_to(params->deferred_by);
  });
}

absl::Status FromJson(const std::string& json, TurnResult* result) {
  return Parse(json, [&](const auto& j) { result->deferred = j.value("deferred", false); });
}

absl::Status FromJson(const std::string& json, MembersSeen* seen) {
  return Parse(json, [&](const auto& j) { j.at("sources").get_to(seen->sources); });
}

}  // namespace dmgr::operations
