#include "server/operations/tune/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "dmgr/plan/v1/tune.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {

engine::Plan PlanTune(const topology::Cluster& cluster, const Wanting& wanting) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_TUNE, cluster);
  for (const auto& [machine, names] : wanting) {
    pv1::TuneParams params;
    *params.mutable_names() = {names.begin(), names.end()};
    auto survey = HostStep(machine, kTuningStep, "look at what is set", kSurveyTuning, {});
    survey.payload_json = StepJson(params);
    auto tune = HostStep(machine, "tune", fmt::format("set {}", fmt::join(names, ", ")), kTune,
                         {survey.id});
    tune.payload_json = StepJson(params);
    plan.steps.push_back(std::move(survey));
    plan.steps.push_back(std::move(tune));
  }
  return plan;
}

}  // namespace dmgr::operations
