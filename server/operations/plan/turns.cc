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

// Who leads is known only when the steps run: so each dm-master has two.
std::vector<std::string> AddMasterTurns(engine::Plan* plan,
                                        const std::vector<const Instance*>& masters,
                                        const char* runner, const std::string& verb,
                                        std::vector<std::string> before) {
  for (const auto* master : masters) {
    before = Append(plan, TurnStep(*master, runner, fmt::format("{}/{}", verb, master->name),
                                   fmt::format("{} {} unless it leads", verb, master->name),
                                   {master->name, true, ""}, before));
  }
  for (const auto* master : masters) {
    const std::string first = fmt::format("{}/{}/{}", master->machine_id, verb, master->name);
    auto step = TurnStep(*master, runner, fmt::format("{}-leader/{}", verb, master->name),
                         fmt::format("{} {} if it led", verb, master->name),
                         {master->name, false, first}, before);
    step.weight = kTurnWeight / static_cast<double>(masters.size());
    before = Append(plan, std::move(step));
  }
  return before;
}

std::vector<std::string> AddOtherTurns(engine::Plan* plan,
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

}  // namespace

std::vector<std::string> AddTurns(engine::Plan* plan, const std::vector<const Instance*>& instances,
                                  const char* runner, const std::string& verb,
                                  std::vector<std::string> before, MonitoringOrder order) {
  before = Append(plan, ControlStep(kMembersStep, "record the members", kSurveyMembers, before));
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
  const auto first = before;
  before = AddMasterTurns(plan, masters, runner, verb, std::move(before));
  before = AddOtherTurns(plan, workers, runner, verb, std::move(before));
  if (monitoring.empty()) return before;
  auto last = AddOtherTurns(plan, monitoring, runner, verb,
                            order == MonitoringOrder::kBesideDm ? first : before);
  if (order == MonitoringOrder::kBesideDm) last.insert(last.end(), before.begin(), before.end());
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
