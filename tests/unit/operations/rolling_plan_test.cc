// Plans that take a running cluster's instances one after another.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "common/enum_words.h"
#include "server/operations/plan/turns.h"
#include "server/operations/restart/plan.h"
#include "server/operations/upgrade/plan.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using Names = std::vector<std::string>;

// Three masters and two workers on m1 to m3, Prometheus on m1.
Cluster SampleCluster() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    master_servers { placement { host: "10.0.0.3" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    monitoring_servers { placement { host: "10.0.0.1" } } )");
  Cluster cluster = topology::Good(input);
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  return cluster;
}

std::vector<const Instance*> All(const Cluster& cluster) {
  std::vector<const Instance*> all;
  for (const auto& instance : cluster.instances) all.push_back(&instance);
  return all;
}

TurnParams TurnOf(const engine::Step& step) {
  TurnParams params;
  REQUIRE(FromJson(step.payload_json, &params).ok());
  return params;
}

std::vector<engine::Step> StepsOf(const engine::Plan& plan, const std::string& runner) {
  std::vector<engine::Step> steps;
  std::copy_if(plan.steps.begin(), plan.steps.end(), std::back_inserter(steps),
               [&](const auto& step) { return step.runner == runner; });
  return steps;
}

TEST_CASE("a restart takes each instance alone, dm-masters first", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanRestart(cluster, All(cluster));
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_RESTART);
  const auto turns = StepsOf(plan, kRestart);
  // Two for each dm-master.
  REQUIRE(turns.size() == 3 * 2 + 2 + 1);
  for (std::size_t i = 1; i < 3 * 2 + 2; ++i) {
    CHECK(turns[i].depends_on == Names{turns[i - 1].id});
  }
  CHECK(turns[0].depends_on == Names{kMembersStep});
  // Monitoring goes beside DM.
  CHECK(turns.back().depends_on == Names{kMembersStep});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(TurnOf(turns[i]).may_defer);
    CHECK(TurnOf(turns[i]).deferred_by.empty());
    CHECK_FALSE(TurnOf(turns[i + 3]).may_defer);
    CHECK(TurnOf(turns[i + 3]).deferred_by == turns[i].id);
    CHECK(TurnOf(turns[i + 3]).instance == TurnOf(turns[i]).instance);
  }
  Names rest;
  for (std::size_t i = 6; i < turns.size(); ++i) rest.push_back(TurnOf(turns[i]).instance);
  Names wanted;
  for (const auto& instance : cluster.instances) {
    if (instance.component != Component::kDmMaster) wanted.push_back(instance.name);
  }
  CHECK(rest == wanted);
  // What runs is recorded before the first.
  for (const auto& step : plan.steps) {
    if (step.id != kMembersStep) continue;
    CHECK(step.depends_on == Names{"m1/units", "m2/units", "m3/units"});
  }
}

TEST_CASE("a restart of all at once stops workers first and starts them last", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanRestartAtOnce(cluster, All(cluster));
  REQUIRE(engine::Check(plan).ok());
  Names ids;
  for (const auto& step : plan.steps) ids.push_back(step.id);
  CHECK(ids == Names{"m1/units", "m2/units", "m3/units", "m1/stop/monitoring", "m1/stop/dm-worker",
                     "m2/stop/dm-worker", "m1/stop/dm-master", "m2/stop/dm-master",
                     "m3/stop/dm-master", "m1/start/dm-master", "m2/start/dm-master",
                     "m3/start/dm-master", "m1/start/dm-worker", "m2/start/dm-worker",
                     "m1/start/monitoring", "record"});
}

TEST_CASE("results of turns are read back, also before they are there", "[plan]") {
  TurnResult result;
  REQUIRE(FromJson("{}", &result).ok());
  CHECK_FALSE(result.deferred);
  REQUIRE(FromJson(ToJson(TurnResult{true}), &result).ok());
  CHECK(result.deferred);
  MembersSeen seen;
  REQUIRE(FromJson(ToJson(MembersSeen{{"s1", "s2"}}), &seen).ok());
  CHECK(seen.sources == Names{"s1", "s2"});
}

v1::Package PackageOf(const std::string& version, const std::string& dm_hash) {
  v1::Package package;
  package.set_version(version);
  for (const auto component : topology::kComponents) {
    auto* part = package.add_components();
    part->set_component(FromWord<v1::Component>(topology::Name(component)));
    const bool is_dm = component == Component::kDmMaster || component == Component::kDmWorker;
    part->set_release_hash(ToWord(part->component()) + (is_dm ? dm_hash : ""));
    part->set_compressed_bytes(1000);
  }
  return package;
}

TEST_CASE("an upgrade sends what differs to all hosts before it takes the first", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan =
      PlanUpgrade(cluster, PackageOf("v7.5.1", "-old"), PackageOf("v7.5.2", "-new"), false);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_UPGRADE);
  Names sent;
  for (const auto& step : StepsOf(plan, kUpgradeRelease)) {
    sent.push_back(step.id);
    CHECK(step.depends_on == Names{"tree"});
    CHECK(step.bytes_total == 1000);
  }
  // Prometheus is the same in both.
  CHECK(sent == Names{"m1/release/dm-master", "m1/release/dm-worker", "m2/release/dm-master",
                      "m2/release/dm-worker", "m3/release/dm-master"});
  for (const auto& step : plan.steps) {
    if (step.id != kMembersStep) continue;
    for (const auto& id : sent) {
      CHECK(std::count(step.depends_on.begin(), step.depends_on.end(), id) == 1);
    }
  }
  const auto turns = StepsOf(plan, kUpgrade);
  REQUIRE(turns.size() == 9);
  for (const auto& turn : turns) {
    UpgradeParams params;
    REQUIRE(FromJson(turn.payload_json, &params).ok());
    CHECK(params.from == "v7.5.1");
    CHECK(params.to == "v7.5.2");
    CHECK_FALSE(TurnOf(turn).instance.empty());
  }
}

TEST_CASE("an upgrade can be taken back until it is recorded", "[plan]") {
  const Cluster cluster = SampleCluster();
  for (const bool offline : {false, true}) {
    const auto plan =
        PlanUpgrade(cluster, PackageOf("v7.5.1", "-old"), PackageOf("v7.5.2", "-new"), offline);
    REQUIRE(engine::Check(plan).ok());
    const bool drops = std::any_of(plan.steps.begin(), plan.steps.end(),
                                   [](const auto& step) { return step.runner == kDropTree; });
    CHECK(drops);
    for (const auto& step : plan.steps) {
      INFO(step.id);
      const bool drop = step.runner == kDropTree || step.runner == kDropReleases;
      CHECK(step.point_of_no_return == drop);
      if (drop) CHECK(step.depends_on == Names{"record"});
    }
    CHECK(StepsOf(plan, kUpgradeStopped).size() == (offline ? 3 : 0));
  }
}

}  // namespace
}  // namespace dmgr::operations
