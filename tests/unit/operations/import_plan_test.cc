// Plans that take a cluster of another tool over, or give it back.
#include <algorithm>
#include <string>
#include <vector>

#include "server/operations/import/plan.h"
#include "server/operations/plan/units.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::operations {
namespace {

TEST_CASE("an import looks at every host and at DM before it records") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = PlanImport(cluster);
  REQUIRE(engine::Check(plan).ok());
  std::vector<std::string> looks;
  for (const auto& step : plan.steps) {
    CHECK_FALSE(step.point_of_no_return);
    // Nothing but looks is done on hosts.
    CHECK(step.host.empty() == (step.runner != kLookAtForeign));
    if (step.runner == kLookAtForeign) looks.push_back(step.id);
    if (step.runner == kCheckForeign) CHECK(step.depends_on == looks);
  }
  CHECK(looks.size() == cluster.MachineIds().size());
  CHECK(plan.steps.front().done);
  CHECK(plan.steps.front().runner == kRegister);
  CHECK(plan.steps.back().runner == kRecordForeign);
}

TEST_CASE("a release touches no host") {
  const auto plan = PlanRelease(clusters::SampleCluster());
  REQUIRE(engine::Check(plan).ok());
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].host.empty());
  CHECK(plan.steps[0].point_of_no_return);
}

}  // namespace
}  // namespace dmgr::operations
