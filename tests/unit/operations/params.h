// What the steps of a plan are told.
#ifndef DMGR_TESTS_UNIT_OPERATIONS_PARAMS_H_
#define DMGR_TESTS_UNIT_OPERATIONS_PARAMS_H_

#include <catch2/catch.hpp>

#include "server/engine/plan.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {

// Fails the test when they are not readable.
template <typename Params>
Params ParamsOf(const engine::Step& step) {
  Params params;
  INFO(step.id << ": " << step.payload_json);
  REQUIRE(ReadStep(step.payload_json, &params).ok());
  return params;
}

}  // namespace dmgr::operations

#endif  // DMGR_TESTS_UNIT_OPERATIONS_PARAMS_H_
