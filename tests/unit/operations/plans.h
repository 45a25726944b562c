// What tests ask of a plan.
#ifndef DMGR_TESTS_UNIT_OPERATIONS_PLANS_H_
#define DMGR_TESTS_UNIT_OPERATIONS_PLANS_H_

#include <set>
#include <string>
#include <vector>

#include "server/engine/plan.h"

namespace dmgr::operations {

// In the order of the plan.
inline std::vector<engine::Step> StepsOf(const engine::Plan& plan, const std::string& runner) {
  std::vector<engine::Step> steps;
  for (const auto& step : plan.steps) {
    if (step.runner == runner) steps.push_back(step);
  }
  return steps;
}

// What has ended before a step begins.
inline std::set<std::string> Before(const engine::Plan& plan, const std::string& id) {
  std::set<std::string> before;
  for (const auto& step : plan.steps) {
    if (step.id != id) continue;
    for (const auto& one : step.depends_on) {
      before.insert(one);
      before.merge(Before(plan, one));
    }
  }
  return before;
}

}  // namespace dmgr::operations

#endif  // DMGR_TESTS_UNIT_OPERATIONS_PLANS_H_
