#include "server/operations/plan/left_out.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

pv1::Wanted WantedOf(const std::optional<bool>& value) {
  if (!value.has_value()) return pv1::WANTED_UNSPECIFIED;
  return *value ? pv1::WANTED_YES : pv1::WANTED_NO;
}

}  // namespace

void AddLeftOut(engine::Plan* plan, const LeftOut& left_out) {
  if (left_out.machines.empty()) return;
  pv1::LeaveOutParams params;
  std::vector<std::string> names;
  for (const auto& machine : left_out.machines) {
    auto* out = params.add_machines();
    out->set_machine_id(machine.machine_id());
    out->set_reason(machine.reason());
    names.push_back(machine.machine_id());
  }
  for (const auto* instance : left_out.instances) params.add_instances(instance->name);
  params.set_running(WantedOf(left_out.running));
  params.set_enabled(WantedOf(left_out.enabled));
  params.set_sets_patch(left_out.patch.has_value());
  params.set_patch(left_out.patch.value_or(""));
  auto step = ControlStep("left-out",
                          fmt::format("leave out and record as behind: {}", fmt::join(names, ", ")),
                          kLeaveOut, {});
  step.payload_json = StepJson(params);
  plan->skipped = left_out.machines;
  PutInFront(plan, {std::move(step)}, {"left-out"});
}

void PutInFront(engine::Plan* plan, std::vector<engine::Step> steps,
                const std::vector<std::string>& last) {
  for (auto& step : plan->steps) {
    // What the storing of the plan does comes before everything.
    if (step.depends_on.empty() && !step.done) step.depends_on = last;
  }
  steps.insert(steps.end(), std::make_move_iterator(plan->steps.begin()),
               std::make_move_iterator(plan->steps.end()));
  plan->steps = std::move(steps);
}

}  // namespace dmgr::operations
