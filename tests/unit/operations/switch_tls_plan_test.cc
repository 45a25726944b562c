// The plan by which a cluster begins to speak TLS, or ceases to.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/operations/plan/carry_over.h"
#include "server/operations/switch_tls/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"

namespace dmgr::operations {
namespace {

engine::Plan SwitchPlan(const topology::Cluster& cluster, bool on) {
  std::vector<const topology::Instance*> instances;
  for (const auto& instance : cluster.instances) {
    if (instance.IsDm()) instances.push_back(&instance);
  }
  pv1::TlsRound round;
  (on ? round.mutable_next() : round.mutable_previous())->set_trusted("a CA");
  auto plan = PlanSwitchTls(cluster, instances, round);
  REQUIRE(engine::Check(plan).ok());
  return plan;
}

// What the step waits for, at whatever distance.
std::set<std::string> AllBefore(const engine::Plan& plan, const std::string& step) {
  std::set<std::string> before;
  for (const auto& one : plan.steps) {
    if (one.id != step) continue;
    for (const auto& id : one.depends_on) {
      before.insert(id);
      before.merge(AllBefore(plan, id));
    }
  }
  return before;
}

TEST_CASE("a folder tls may be there already where a takeover has kept TiUP's files in it") {
  topology::Instance own;
  own.component = topology::Component::kDmWorker;
  own.deploy_dir = "/d/own";
  topology::Instance taken_over = own;
  taken_over.deploy_dir = "/d/tiup";
  taken_over.tiup_shape = true;
  CHECK(NeedsOfSwitch({&own, &taken_over}, {}, true).absent == std::set<std::string>{"/d/own/tls"});
  INFO("nor is what dmgr has made itself, in an enable that was given up, in its way");
  clusters::HostBefore made;
  made.absent = {"/d/own", "/d/own/tls"};
  CHECK(NeedsOfSwitch({&own}, made, true).absent.empty());
}

TEST_CASE("until all is at work with TLS or without it the way back is open") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const bool on = GENERATE(false, true);
  const auto plan = SwitchPlan(cluster, on);
  CHECK(plan.kind == (on ? v1::OPERATION_KIND_ENABLE_TLS : v1::OPERATION_KIND_DISABLE_TLS));
  int drops = 0;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    CHECK(step.point_of_no_return == (step.runner == kDropAside));
    if (step.runner != kDropAside) continue;
    ++drops;
    CHECK(AllBefore(plan, step.id).contains("bound"));
  }
  CHECK(drops == static_cast<int>(cluster.Of(topology::Component::kDmMaster).size()));
}

TEST_CASE("what dm-masters keep is copied while they live and nothing changes it") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = SwitchPlan(cluster, true);
  const auto before_copy = AllBefore(plan, "copy");
  const auto before_put = AllBefore(plan, "put-back");
  for (const auto& step : plan.steps) {
    INFO(step.id);
    if (step.runner == kStopToStart) CHECK(before_copy.contains(step.id));
    if (step.runner == kTellStop) CHECK(AllBefore(plan, step.id).contains("copy"));
    if (step.runner == kSetDataAside || step.runner == kSwitchFiles) {
      CHECK(AllBefore(plan, "tls").contains(step.id));
    }
    if (step.runner == kPutBack) {
      CHECK(ParamsOf<pv1::RebuildParams>(step).copy_step() == "copy");
      CHECK(before_put.contains("tls"));
    }
  }
}

TEST_CASE("whoever is to get certificates is looked at before anything stops") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const bool on = GENERATE(false, true);
  const auto plan = SwitchPlan(cluster, on);
  std::set<std::string> looked;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    if (step.runner == kLookAside) {
      const auto look = ParamsOf<pv1::TlsSwitch>(step);
      CHECK(look.round().next().trusted().empty() == !on);
      looked.insert(look.instances().begin(), look.instances().end());
      CHECK(AllBefore(plan, "copy").contains(step.id));
    }
    if (step.runner != kStopToStart) continue;
    for (const auto& other : plan.steps) {
      if (other.runner == kLookAside) CHECK(AllBefore(plan, step.id).contains(other.id));
    }
  }
  for (const auto& instance : cluster.instances) {
    const bool is_master = instance.component == topology::Component::kDmMaster;
    CHECK(looked.contains(instance.name) == (is_master || (on && instance.IsDm())));
  }
}

TEST_CASE("dm-masters that had joined others are told apart for the way back") {
  topology::Cluster cluster = clusters::SampleCluster();
  const auto master = std::ranges::find_if(cluster.instances, [](const auto& one) {
    return one.component == topology::Component::kDmMaster;
  });
  REQUIRE(master != cluster.instances.end());
  master->membership = topology::Membership::kJoined;
  const auto plan = SwitchPlan(cluster, true);
  const auto record = std::ranges::find(plan.steps, std::string("tls"), &engine::Step::id);
  REQUIRE(record != plan.steps.end());
  const auto change = ParamsOf<pv1::TlsSwitch>(*record);
  REQUIRE(change.joined_size() == 1);
  CHECK(change.joined(0) == master->name);
}

}  // namespace
}  // namespace dmgr::operations
