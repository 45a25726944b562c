// Plans that take a running cluster's instances one after another.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "common/enum_words.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"
#include "server/operations/restart/plan.h"
#include "server/operations/upgrade/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/operations/plans.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using clusters::All;
using topology::Cluster;
using topology::Component;
using topology::Instance;
using Names = std::vector<std::string>;

// Three masters and two workers on m1 to m3, Prometheus on m1.
Cluster RollingCluster() {
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

pv1::TurnParams TurnOf(const engine::Step& step) { return ParamsOf<pv1::AnyTurn>(step).turn(); }

// Whether `first` must have ended before `later` begins.
bool Waits(const engine::Plan& plan, const std::string& later, const std::string& first) {
  for (const auto& step : plan.steps) {
    if (step.id != later) continue;
    return std::any_of(step.depends_on.begin(), step.depends_on.end(), [&](const std::string& id) {
      return id == first || Waits(plan, id, first);
    });
  }
  FAIL("no step " << later);
  return false;
}

std::vector<engine::Step> TurnsOf(const engine::Plan& plan, const Cluster& cluster,
                                  const std::string& runner, Component component) {
  std::vector<engine::Step> turns = StepsOf(plan, runner);
  std::erase_if(turns, [&](const engine::Step& step) {
    const std::string name = TurnOf(step).instance();
    const auto& all = cluster.instances;
    return std::none_of(all.begin(), all.end(), [&](const Instance& one) {
      return one.name == name && one.component == component;
    });
  });
  return turns;
}

// Each has two steps: the second is for what the first has left.
void CheckPairs(const std::vector<engine::Step>& turns) {
  REQUIRE(turns.size() % 2 == 0);
  const std::size_t half = turns.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    CHECK(TurnOf(turns[i]).may_defer());
    CHECK(TurnOf(turns[i]).deferred_by().empty());
    CHECK_FALSE(TurnOf(turns[i + half]).may_defer());
    CHECK(TurnOf(turns[i + half]).deferred_by() == turns[i].id);
    CHECK(TurnOf(turns[i + half]).instance() == TurnOf(turns[i]).instance());
    if (i > 0) CHECK(turns[i + half].depends_on == Names{turns[i + half - 1].id});
  }
}

Names IdsOf(const std::vector<engine::Step>& steps, std::size_t begin, std::size_t end) {
  Names ids;
  for (std::size_t i = begin; i < end; ++i) ids.push_back(steps[i].id);
  return ids;
}

TEST_CASE("a restart takes dm-workers together, then dm-masters one after another", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto plan = PlanRestart(cluster, All(cluster));
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_RESTART);
  const auto workers = TurnsOf(plan, cluster, kRestart, Component::kDmWorker);
  REQUIRE(workers.size() == 4);
  CheckPairs(workers);
  // Those that are free wait for one another when they run only, the bound ones for all of them.
  for (std::size_t i = 0; i < 2; ++i) CHECK(workers[i].depends_on == Names{kMembersStep});
  CHECK(workers[2].depends_on == IdsOf(workers, 0, 2));
  const auto masters = TurnsOf(plan, cluster, kRestart, Component::kDmMaster);
  REQUIRE(masters.size() == 6);
  CheckPairs(masters);
  // A dm-worker that is stopped soon after the leader changed would stay for a while.
  CHECK(masters[0].depends_on == Names{workers.back().id});
  for (std::size_t i = 1; i < 6; ++i) CHECK(masters[i].depends_on == Names{masters[i - 1].id});
  // Monitoring goes beside DM.
  const auto monitoring = TurnsOf(plan, cluster, kRestart, Component::kPrometheus);
  REQUIRE(monitoring.size() == 1);
  CHECK(monitoring[0].depends_on == Names{kMembersStep});
  // What runs is recorded before the first.
  for (const auto& step : plan.steps) {
    if (step.id != kMembersStep) continue;
    CHECK(step.depends_on == Names{"m1/units", "m2/units", "m3/units"});
  }
}

TEST_CASE("no more dm-workers have their turn at the same time than was asked for", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto one =
      TurnsOf(PlanRestart(cluster, All(cluster), 1), cluster, kRestart, Component::kDmWorker);
  CHECK(one[0].depends_on == Names{kMembersStep});
  CHECK(one[1].depends_on == Names{one[0].id});
  const auto two =
      TurnsOf(PlanRestart(cluster, All(cluster), 2), cluster, kRestart, Component::kDmWorker);
  CHECK(two[1].depends_on == Names{kMembersStep});
}

TEST_CASE("a dm-worker that has its turn alone has one step", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto plan = PlanRestart(cluster, {cluster.Of(Component::kDmWorker)[1]});
  const auto turns = StepsOf(plan, kRestart);
  REQUIRE(turns.size() == 1);
  CHECK_FALSE(TurnOf(turns[0]).may_defer());
}

TEST_CASE("a restart of all at once stops them as a whole and starts workers last", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto plan = PlanRestartAtOnce(cluster, All(cluster));
  REQUIRE(engine::Check(plan).ok());
  Names ids;
  for (const auto& step : plan.steps) ids.push_back(step.id);
  CHECK(ids == Names{"m1/units", "m2/units", "m3/units", "m1/stop/dm-worker", "m2/stop/dm-worker",
                     "evict", "m1/tell", "m2/tell", "m3/tell", "m1/end", "m2/end", "m3/end",
                     "m1/start/dm-master", "m2/start/dm-master", "m3/start/dm-master",
                     "m1/start/dm-worker", "m2/start/dm-worker", "m1/start/monitoring", "record"});
  // Nobody is waited for, and nobody is killed, before all were told.
  for (const std::string end : {"m1/end", "m2/end", "m3/end"}) {
    for (const std::string told : {"m1/tell", "m2/tell", "m3/tell"}) CHECK(Waits(plan, end, told));
  }
  CHECK(Waits(plan, "m1/tell", "evict"));
  CHECK(Waits(plan, "evict", "m2/stop/dm-worker"));
  CHECK(Waits(plan, "m2/start/dm-master", "m3/end"));
}

TEST_CASE("dm-masters that are restarted at once without all dm-workers are waited for", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto plan = PlanRestartAtOnce(cluster, cluster.Of(Component::kDmMaster));
  REQUIRE(engine::Check(plan).ok());
  CHECK(StepsOf(plan, kEndToStart).empty());
  CHECK(StepsOf(plan, kEvictMasters).empty());
  CHECK(StepsOf(plan, kStopToStart).size() == 3);
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

TEST_CASE("an upgrade sends what differs to all hosts before it is needed", "[plan]") {
  const Cluster cluster = RollingCluster();
  const auto plan =
      PlanUpgrade(cluster, PackageOf("v7.5.1", "-old"), PackageOf("v7.5.2", "-new"), false);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_UPGRADE);
  const auto masters = TurnsOf(plan, cluster, kUpgrade, Component::kDmMaster);
  const auto workers = TurnsOf(plan, cluster, kUpgrade, Component::kDmWorker);
  REQUIRE(masters.size() == 6);
  REQUIRE(workers.size() == 4);
  CheckPairs(masters);
  CheckPairs(workers);
  Names sent;
  for (const auto& step : StepsOf(plan, kUpgradeRelease)) {
    sent.push_back(step.id);
    CHECK(Waits(plan, step.id, "tree"));
    CHECK(step.bytes_total == 1000);
    const bool of_worker = step.id.ends_with("dm-worker");
    CHECK(Waits(plan, kMembersStep, step.id) != of_worker);
    for (const auto& turn : workers) CHECK(Waits(plan, turn.id, step.id));
  }
  // Prometheus is the same in both.
  CHECK(std::set<std::string>(sent.begin(), sent.end()) ==
        std::set<std::string>{"m1/release/dm-master", "m1/release/dm-worker",
                              "m2/release/dm-master", "m2/release/dm-worker",
                              "m3/release/dm-master"});
  // What dm-workers run is sent beside the turns of dm-masters, which it does not hold up.
  CHECK(Waits(plan, "m2/release/dm-worker", masters[1].id));
  CHECK_FALSE(Waits(plan, "m2/release/dm-worker", masters[2].id));
  // DM wants its masters first.
  for (const auto& turn : workers) CHECK(Waits(plan, turn.id, masters.back().id));
  for (const auto& turn : StepsOf(plan, kUpgrade)) {
    const auto params = ParamsOf<pv1::UpgradeTurn>(turn);
    CHECK(params.upgrade().from() == "v7.5.1");
    CHECK(params.upgrade().to() == "v7.5.2");
    CHECK_FALSE(params.turn().instance().empty());
  }
}

TEST_CASE("an upgrade can be taken back until it is recorded", "[plan]") {
  const Cluster cluster = RollingCluster();
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
