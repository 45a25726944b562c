#include "server/operations/prune/plan.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "dmgr/plan/v1/prune.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {

engine::Plan PlanPrune(const topology::Cluster& cluster,
                       const std::vector<members::Ghost>& ghosts) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_PRUNE, cluster);
  std::vector<std::string> before;
  for (const auto& ghost : ghosts) {
    pv1::PruneParams params;
    params.set_component(std::string(topology::Name(ghost.component)));
    params.set_name(ghost.name);
    auto step = ControlStep(fmt::format("prune/{}", plan.steps.size() + 1),
                            fmt::format("take {} out of DM", ghost.Words()), kPruneMember, before);
    step.payload_json = StepJson(params);
    step.point_of_no_return = true;
    before = {step.id};
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

}  // namespace dmgr::operations
