// Plans that leave hosts out, and that bring hosts to the record.
#include <set>
#include <string>
#include <vector>

#include "server/operations/plan/left_out.h"
#include "server/operations/plan/repair.h"
#include "server/operations/repair/plan.h"
#include "server/operations/service/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"

namespace dmgr::operations {
namespace {

using clusters::All;
using topology::Cluster;

Cluster Wanted(bool running) {
  Cluster cluster = clusters::SampleCluster();
  for (auto& instance : cluster.instances) instance.wanted_running = running;
  return cluster;
}

std::set<std::string> RunnersIn(const engine::Plan& plan) {
  std::set<std::string> runners;
  for (const auto& step : plan.steps) runners.insert(step.runner);
  return runners;
}

TEST_CASE("hosts are left out before anything else is done") {
  const Cluster cluster = Wanted(true);
  engine::Plan plan = PlanStop(cluster, All(cluster), /*whole=*/true);
  const auto steps = plan.steps.size();
  AddLeftOut(&plan, {});
  CHECK(plan.steps.size() == steps);
  LeftOut left_out;
  left_out.machines.emplace_back().set_machine_id("m9");
  left_out.machines.front().set_reason("no answer");
  left_out.instances = {&cluster.instances.front()};
  left_out.running = false;
  AddLeftOut(&plan, left_out);
  REQUIRE(engine::Check(plan).ok());
  REQUIRE(plan.steps.size() == steps + 1);
  CHECK(plan.steps.front().runner == kLeaveOut);
  for (std::size_t i = 1; i < plan.steps.size(); ++i) {
    INFO(plan.steps[i].id);
    CHECK_FALSE(plan.steps[i].depends_on.empty());
  }
  REQUIRE(plan.skipped.size() == 1);
  CHECK(plan.skipped[0].reason() == "no answer");
  const auto params = ParamsOf<pv1::LeaveOutParams>(plan.steps.front());
  CHECK(params.running() == pv1::WANTED_NO);
  CHECK(params.enabled() == pv1::WANTED_UNSPECIFIED);
  CHECK_FALSE(params.sets_patch());
  CHECK(params.instances_size() == 1);
}

TEST_CASE("a repair starts what is to run, and takes what ran one after another") {
  const Cluster cluster = Wanted(true);
  const auto plan = PlanRepair(cluster, {.machines = cluster.MachineIds()});
  REQUIRE(engine::Check(plan).ok());
  CHECK_FALSE(RunnersIn(plan).contains(kRepairStop));
  std::vector<const engine::Step*> turns;
  for (const auto& step : plan.steps) {
    if (step.runner == kRepairTurn) turns.push_back(&step);
  }
  CHECK(turns.size() == cluster.instances.size());
  for (std::size_t i = 1; i < turns.size(); ++i) {
    CHECK(turns[i]->depends_on == std::vector<std::string>{turns[i - 1]->id});
  }
  CHECK(plan.steps.back().runner == kRecordRepaired);
}

TEST_CASE("a repair of a stopped cluster starts nothing, one before a stop leaves processes") {
  const Cluster stopped = Wanted(false);
  const auto plan = PlanRepair(stopped, {.machines = {stopped.MachineIds().front()}});
  CHECK(RunnersIn(plan) == std::set<std::string>{kRepairLook, kRepairPlace, kRepairStop,
                                                 kRepairDrop, kRecordRepaired});
  for (const auto& step : plan.steps) {
    CHECK((step.host.empty() || step.host == stopped.MachineIds().front()));
  }
  const Cluster running = Wanted(true);
  const auto before_stop =
      PlanRepair(running, {.machines = running.MachineIds(), .leaves_processes = true});
  CHECK(RunnersIn(before_stop) ==
        std::set<std::string>{kRepairLook, kRepairPlace, kRepairDrop, kRecordRepaired});
}

}  // namespace
}  // namespace dmgr::operations
