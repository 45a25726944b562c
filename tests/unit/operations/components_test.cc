// What holds for every component in every plan, also for one that is added later.
#include <algorithm>
#include <set>

#include "common/components/traits.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/restart/plan.h"
#include "server/operations/service/plan.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::operations {
namespace {

using clusters::All;
using clusters::SampleCluster;
using topology::Instance;

// The steps of this runner that are about an instance.
std::vector<std::string> StepsAbout(const engine::Plan& plan, const char* runner,
                                    const Instance& instance) {
  std::vector<std::string> ids;
  for (const auto& step : plan.steps) {
    if (step.runner != runner || step.host != instance.machine_id) continue;
    if (step.payload_json.find('"' + instance.name + '"') != std::string::npos) {
      ids.push_back(step.id);
    }
  }
  return ids;
}

TEST_CASE("Every wave has components, and every component is in one wave") {
  std::set<components::Wave> waves;
  for (const Wave& wave : StartWaves()) CHECK(waves.insert(wave.which).second);
  for (const topology::Component component : topology::kComponents) {
    CAPTURE(topology::Name(component));
    CHECK(waves.contains(components::TraitsOf(component).wave));
  }
}

TEST_CASE("A start and a restart begin every instance of every component") {
  const topology::Cluster cluster = SampleCluster();
  const engine::Plan start = PlanStart(cluster, All(cluster));
  const engine::Plan restart = PlanRestart(cluster, All(cluster));
  for (const topology::Component component : topology::kComponents) {
    REQUIRE_FALSE(cluster.Of(component).empty());
    const bool two_turns =
        components::TraitsOf(component).turns == components::Turns::kLeaderLast ||
        component == topology::Component::kDmWorker;
    for (const Instance* instance : cluster.Of(component)) {
      CAPTURE(instance->name);
      CHECK(StepsAbout(start, kStart, *instance).size() == 1);
      // What may lead or carry a source has two turns, and takes one.
      CHECK(StepsAbout(restart, kRestart, *instance).size() == (two_turns ? 2 : 1));
    }
  }
}

}  // namespace
}  // namespace dmgr::operations
