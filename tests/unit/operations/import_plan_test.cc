// Plans that take a cluster of another tool over, or give it back.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/operations/import/plan.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
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
  const auto plan = PlanRelease(clusters::SampleCluster(), /*taken_over=*/false);
  REQUIRE(engine::Check(plan).ok());
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].host.empty());
  CHECK(plan.steps[0].point_of_no_return);
}

TEST_CASE("dmgr leaves every host of a cluster that it took over before it forgets it") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = PlanRelease(cluster, /*taken_over=*/true);
  REQUIRE(engine::Check(plan).ok());
  REQUIRE(plan.steps.size() == cluster.MachineIds().size() + 1);
  for (const auto& step : plan.steps) CHECK(step.point_of_no_return);
  CHECK(plan.steps.back().runner == kForgetForeign);
  CHECK(plan.steps.back().depends_on.size() == cluster.MachineIds().size());
}

TEST_CASE("a takeover replaces nothing before every host was surveyed and has the releases") {
  const topology::Cluster cluster = clusters::SampleCluster();
  Takeover takeover;
  takeover.running = GENERATE(true, false);
  const auto plan = PlanTakeover(cluster, v1::Package(), takeover);
  REQUIRE(engine::Check(plan).ok());
  std::set<std::string> sent;
  std::set<std::string> taken;
  for (const auto& step : plan.steps) {
    CHECK_FALSE(step.point_of_no_return);
    if (step.runner == kSendTakeover) sent.insert(step.id);
    if (step.runner == kTakeOver) {
      pv1::AnyTurn turn;
      REQUIRE(ReadStep(step.payload_json, &turn).ok());
      taken.insert(turn.turn().instance());
    }
    if (step.runner != kTakeOverStopped) continue;
    CHECK(std::ranges::includes(
        std::set<std::string>(step.depends_on.begin(), step.depends_on.end()), sent));
    pv1::InstancesParams named;
    REQUIRE(ReadStep(step.payload_json, &named).ok());
    taken.insert(named.instances().begin(), named.instances().end());
  }
  CHECK(taken.size() == cluster.instances.size());
  CHECK_FALSE(sent.empty());
  CHECK(plan.steps.back().runner == kRecordTakeover);
}

}  // namespace
}  // namespace dmgr::operations
