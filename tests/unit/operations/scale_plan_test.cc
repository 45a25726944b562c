// Plans of scale-out, scale-in and a move, and when DM lets somebody go.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "server/clusters/host_before.h"
#include "server/members/rules.h"
#include "server/operations/plan/turns.h"
#include "server/operations/scale/plan.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

// Three dm-masters, two dm-workers and Prometheus.
Cluster ScaledCluster() {
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

const engine::Step& StepOf(const engine::Plan& plan, const std::string& id) {
  const auto step = std::find_if(plan.steps.begin(), plan.steps.end(),
                                 [&](const auto& one) { return one.id == id; });
  INFO(id);
  REQUIRE(step != plan.steps.end());
  return *step;
}

// Whether a step waits for another one, directly or by what it waits for.
bool Follows(const engine::Plan& plan, const std::string& later, const std::string& earlier) {
  const auto& after = StepOf(plan, later).depends_on;
  return std::any_of(after.begin(), after.end(), [&](const std::string& id) {
    return id == earlier || Follows(plan, id, earlier);
  });
}

dm::Members Listed(const std::vector<std::pair<std::string, bool>>& masters,
                   const std::string& leader) {
  dm::Members members;
  members.leader_name = leader;
  for (const auto& [name, alive] : masters) {
    dm::Master master;
    master.name = name;
    master.alive = alive;
    members.masters.push_back(master);
  }
  return members;
}

Instances Named(const Cluster& cluster, const std::vector<std::string>& names) {
  Instances found;
  for (const auto& name : names) {
    for (const auto& instance : cluster.instances) {
      if (instance.name == name) found.push_back(&instance);
    }
  }
  REQUIRE(found.size() == names.size());
  return found;
}

constexpr char kMaster1[] = "dm-10.0.0.1-8261";
constexpr char kMaster2[] = "dm-10.0.0.2-8261";
constexpr char kMaster3[] = "dm-10.0.0.3-8261";
constexpr char kWorker2[] = "dm-10.0.0.2-8262";

TEST_CASE("dm-masters join one after another, when all files are on all hosts", "[plan][scale]") {
  Cluster cluster = ScaledCluster();
  for (auto& instance : cluster.instances) {
    if (instance.name == kMaster2 || instance.name == kMaster3 || instance.name == kWorker2) {
      instance.membership = topology::Membership::kJoining;
    }
  }
  const auto plan = PlanScaleOut(cluster, v1::Package());
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_SCALE_OUT);
  const std::string first = std::string("m2/join/") + kMaster2;
  const std::string second = std::string("m3/join/") + kMaster3;
  CHECK(Follows(plan, second, first));
  for (const char* install : {"m2/install", "m3/install"}) CHECK(Follows(plan, first, install));
  CHECK(Follows(plan, "m2/start/dm-worker", second));
  // Hosts that get nothing new only learn of the others.
  CHECK(Follows(plan, "m1/rewrite", "m2/start/dm-worker"));
  CHECK(std::none_of(plan.steps.begin(), plan.steps.end(),
                     [](const auto& step) { return step.id == "m1/install"; }));
  // Everything of it can be taken back.
  CHECK(std::none_of(plan.steps.begin(), plan.steps.end(),
                     [](const auto& step) { return step.point_of_no_return; }));
}

TEST_CASE("nothing is removed before DM has let go", "[plan][scale]") {
  const Cluster cluster = ScaledCluster();
  ScaleIn scale;
  scale.leaving = Named(cluster, {kWorker2, kMaster2, kMaster3});
  scale.unreachable = {"m3"};
  const auto plan = PlanScaleIn(cluster, scale);
  REQUIRE(engine::Check(plan).ok());
  const std::string vacate = std::string("vacate/") + kWorker2;
  const std::string worker = std::string("m2/leave/") + kWorker2;
  const std::string master = std::string("m2/leave/") + kMaster2;
  const std::string lost = std::string("leave/") + kMaster3;
  // What a kill in the middle of it would have forgotten.
  CHECK(Follows(plan, vacate, kMembersStep));
  CHECK(Follows(plan, "m2/stop", vacate));
  CHECK(Follows(plan, worker, "m2/stop"));
  // DM is asked once more while all can be undone.
  CHECK(Follows(plan, worker, "quorum"));
  CHECK(Follows(plan, "quorum", "m2/stop"));
  CHECK_FALSE(StepOf(plan, "quorum").point_of_no_return);
  CHECK(Follows(plan, master, worker));
  CHECK(Follows(plan, lost, master));
  for (const auto& leave : {worker, master, lost}) {
    CHECK(Follows(plan, "m2/remove", leave));
    CHECK(StepOf(plan, leave).point_of_no_return);
  }
  // The host that is gone is left as it is.
  CHECK(StepOf(plan, "forget").host.empty());
  CHECK(std::none_of(plan.steps.begin(), plan.steps.end(),
                     [](const auto& step) { return step.host == "m3"; }));
  CHECK_FALSE(StepOf(plan, vacate).point_of_no_return);
}

// The sample, in which all of m1 is about to be on another machine, too.
Cluster MovingCluster() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    master_servers { placement { host: "10.0.0.3" } }
    master_servers { placement { host: "10.0.0.5" ssh_port: 2200 } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    worker_servers { placement { host: "10.0.0.5" ssh_port: 2200 } }
    monitoring_servers { placement { host: "10.0.0.1" } }
    monitoring_servers { placement { host: "10.0.0.5" ssh_port: 2200 } }
    grafana_servers { placement { host: "10.0.0.2" } } )");
  Cluster cluster = topology::Good(input);
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  for (auto& instance : cluster.instances) {
    if (instance.machine_id == "odd-port") instance.membership = topology::Membership::kJoining;
  }
  return cluster;
}

bool HasStepOn(const engine::Plan& plan, const std::string& machine) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [&](const auto& step) { return step.host == machine; });
}

constexpr char kNewMaster[] = "odd-port/join/dm-10.0.0.5-8261";
constexpr char kNewWorker[] = "odd-port/start/dm-worker";
constexpr char kNewMonitoring[] = "odd-port/start/monitoring";

TEST_CASE("what moves is up on the new machine before it leaves the old one", "[plan][move]") {
  const Cluster cluster = MovingCluster();
  Move move;
  move.away.leaving = cluster.OnMachine("m1");
  const auto plan = PlanMove(cluster, v1::Package(), move);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_MOVE_MACHINE);
  const std::string master = std::string("m1/leave/") + kMaster1;
  const std::string worker = "m1/leave/dm-10.0.0.1-8262";
  CHECK(Follows(plan, kNewMaster, "odd-port/install"));
  CHECK(Follows(plan, kNewWorker, kNewMaster));
  CHECK(Follows(plan, "vacate/dm-10.0.0.1-8262", kNewWorker));
  for (const char* first : {kNewMaster, kNewWorker, kNewMonitoring}) {
    CHECK(Follows(plan, "m1/stop", first));
    CHECK_FALSE(StepOf(plan, first).point_of_no_return);
  }
  CHECK(Follows(plan, worker, "quorum"));
  CHECK(Follows(plan, master, worker));
  CHECK(Follows(plan, "m1/remove", master));
  // Nobody is led to believe that what was collected goes along.
  CHECK_THAT(StepOf(plan, kNewMonitoring).title, Catch::Contains("with empty data"));
  // The new ones are among those that are told last.
  CHECK(Follows(plan, "odd-port/rewrite", "m1/remove"));
  CHECK_THAT(StepOf(plan, "m2/rewrite").payload_json, Catch::Contains("grafana"));
  CHECK(std::none_of(plan.steps.begin(), plan.steps.end(),
                     [](const auto& step) { return step.id == "m1/rewrite"; }));
}

TEST_CASE("a whole cluster is up on other machines before any of it leaves", "[plan][move]") {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    master_servers { placement { host: "10.0.0.3" } }
    worker_servers { placement { host: "10.0.0.3" } }
    master_servers { placement { host: "10.0.0.5" ssh_port: 2200 } }
    worker_servers { placement { host: "10.0.0.5" ssh_port: 2200 } } )");
  Cluster cluster = topology::Good(input);
  Move move;
  for (auto& instance : cluster.instances) {
    const bool is_old = instance.machine_id == "m1" || instance.machine_id == "m2";
    if (is_old) {
      move.away.leaving.push_back(&instance);
    } else {
      instance.membership = topology::Membership::kJoining;
    }
  }
  const auto plan = PlanMove(cluster, v1::Package(), move);
  REQUIRE(engine::Check(plan).ok());
  // New hosts are made ready side by side, dm-masters join one by one.
  CHECK_FALSE(Follows(plan, "odd-port/install", "m3/install"));
  CHECK_FALSE(Follows(plan, "m3/install", "odd-port/install"));
  const std::string third = std::string("m3/join/") + kMaster3;
  CHECK((Follows(plan, kNewMaster, third) || Follows(plan, third, kNewMaster)));
  // Two sources do not look for a dm-worker at once.
  const std::string vacate = std::string("vacate/") + kWorker2;
  CHECK(Follows(plan, vacate, "vacate/dm-10.0.0.1-8262"));
  for (const auto& step : plan.steps) {
    const bool joins =
        step.id.find("/join/") != std::string::npos || step.id.find("/start/") != std::string::npos;
    if (joins) CHECK_FALSE(step.point_of_no_return);
    if (joins) CHECK(Follows(plan, "vacate/dm-10.0.0.1-8262", step.id));
  }
  // All that can be undone comes first; old hosts are cleaned side by side.
  const std::string leaves = std::string("m2/leave/") + kMaster2;
  CHECK(Follows(plan, leaves, "quorum"));
  CHECK(Follows(plan, leaves, std::string("m1/leave/") + kMaster1));
  CHECK(Follows(plan, "m1/remove", leaves));
  CHECK_FALSE(Follows(plan, "m1/remove", "m2/remove"));
  CHECK_FALSE(Follows(plan, "m2/remove", "m1/remove"));
  for (const char* old : {"m1", "m2"}) {
    CHECK(Follows(plan, "m3/rewrite", std::string(old) + "/remove"));
  }
}

TEST_CASE("a dm-master that is dead leaves before another one joins in its place", "[plan][move]") {
  const Cluster cluster = MovingCluster();
  Move move;
  move.away.leaving = cluster.OnMachine("m1");
  move.away.unreachable = {"m1"};
  move.away.force = true;
  move.masters_leave_first = true;
  const auto plan = PlanMove(cluster, v1::Package(), move);
  REQUIRE(engine::Check(plan).ok());
  const std::string dead = std::string("leave/") + kMaster1;
  // What can be undone comes before.
  for (const char* first : {kNewWorker, kNewMonitoring}) {
    CHECK(Follows(plan, "quorum", first));
    CHECK_FALSE(StepOf(plan, first).point_of_no_return);
  }
  CHECK(Follows(plan, dead, "quorum"));
  CHECK(Follows(plan, kNewMaster, dead));
  CHECK(StepOf(plan, kNewMaster).point_of_no_return);
  CHECK(Follows(plan, "forget", kNewMaster));
  CHECK(Follows(plan, "odd-port/rewrite", "forget"));
  CHECK_FALSE(HasStepOn(plan, "m1"));
}

TEST_CASE("who leads leaves last, who is dead first", "[scale]") {
  const Cluster cluster = ScaledCluster();
  const auto members = Listed({{kMaster1, true}, {kMaster2, true}, {kMaster3, false}}, kMaster1);
  const auto order = members::LeaveOrder(Named(cluster, {kMaster1, kMaster2, kMaster3}), members);
  CHECK(order == Named(cluster, {kMaster3, kMaster2, kMaster1}));
}

TEST_CASE("the dm-masters that stay keep a majority", "[scale]") {
  const Cluster cluster = ScaledCluster();
  const auto all = Listed({{kMaster1, true}, {kMaster2, true}, {kMaster3, true}}, kMaster1);
  const auto one_dead = Listed({{kMaster1, true}, {kMaster2, true}, {kMaster3, false}}, kMaster1);
  const auto two_dead = Listed({{kMaster1, true}, {kMaster2, false}, {kMaster3, false}}, "");
  const auto problem = [&](const std::vector<std::string>& leaving, const dm::Members& members,
                           bool force) {
    return members::QuorumProblem(Named(cluster, leaving), members, force);
  };
  CHECK(problem({kMaster3}, all, false).empty());
  CHECK(problem({kMaster3, kMaster2}, all, false).empty());
  CHECK(problem({kMaster3}, one_dead, false).empty());
  CHECK_THAT(problem({kMaster2}, one_dead, false), Catch::Contains("is not alive"));
  CHECK_THAT(problem({kMaster2}, one_dead, true), Catch::Contains("no majority"));
  CHECK_THAT(problem({kMaster3, kMaster2}, two_dead, true), Catch::Contains("too few"));
}

TEST_CASE("a source needs a free dm-worker that stays", "[scale]") {
  const Cluster cluster = ScaledCluster();
  const auto leaving = Named(cluster, {kWorker2});
  dm::Members members;
  dm::Worker bound;
  bound.name = kWorker2;
  bound.stage = "bound";
  bound.source = "s1";
  dm::Worker other;
  other.name = "dm-10.0.0.1-8262";
  other.stage = "free";
  members.workers = {bound, other};
  CHECK(members::SourceProblem(leaving, members).empty());
  CHECK(members::FreeWorker({kWorker2}, members) == other.name);
  members.workers[1].stage = "offline";
  CHECK_THAT(members::SourceProblem(leaving, members), Catch::Contains("s1"));
  CHECK(members::FreeWorker({kWorker2}, members).empty());
}

TEST_CASE("a host's record grows and shrinks with what is on it", "[scale]") {
  const clusters::HostBefore first{
      true, true, {"/dm", "/dm/dm-master-8261"}, {{"/dm/dm-master-8261", "/s"}}};
  const clusters::HostBefore later{
      true, true, {"/dm/dm-worker-8262", "/x"}, {{"/dm/dm-worker-8262", "/s"}}};
  const clusters::HostBefore both = clusters::Merge(first, later);
  CHECK(both.absent.size() == 4);
  CHECK(both.stores.size() == 2);
  Cluster left = topology::Only(ScaledCluster(), {kMaster1});
  const clusters::HostBefore reduced = clusters::Reduce(both, left, "m1");
  CHECK(reduced.absent == first.absent);
  CHECK(reduced.stores == first.stores);
}

TEST_CASE("who gets another address leaves, is written anew and joins again", "[plan][readdress]") {
  Cluster cluster = ScaledCluster();
  for (auto& instance : cluster.instances) instance.wanted_running = true;
  Readdress readdress;
  readdress.machine_id = "m2";
  readdress.place.host = "10.0.7.2";
  readdress.away.leaving = cluster.OnMachine("m2");
  readdress.away.unreachable = {"m3"};
  readdress.away.comes_back = true;
  const std::string vacate = std::string("vacate/") + kWorker2;
  const std::string leaves = std::string("m2/leave/") + kMaster2;
  const std::string joins = std::string("m2/join/") + kMaster2;
  const auto plan = PlanReaddress(cluster, readdress);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_MOVE_MACHINE);
  // What can be undone comes first.
  CHECK(Follows(plan, "quorum", "m2/stop"));
  CHECK(Follows(plan, leaves, "quorum"));
  CHECK(Follows(plan, "m2/readdress", leaves));
  CHECK(Follows(plan, "m2/readdress", std::string("m2/leave/") + kWorker2));
  CHECK(Follows(plan, joins, "m2/readdress"));
  CHECK(Follows(plan, "m2/start/dm-worker", joins));
  CHECK(Follows(plan, "m1/rewrite", "m2/start/dm-worker"));
  for (const auto& id : {leaves, std::string("m2/readdress"), joins}) {
    CHECK(StepOf(plan, id).point_of_no_return);
  }
  CHECK_FALSE(StepOf(plan, "m2/stop").point_of_no_return);
  CHECK_THAT(StepOf(plan, "m2/readdress").title, Catch::Contains("10.0.7.2"));
  // A source for which nobody is free waits; dm-masters leave by the strict rule.
  CHECK_THAT(StepOf(plan, vacate).payload_json, Catch::Contains("\"force\":true"));
  CHECK_THAT(StepOf(plan, leaves).payload_json, !Catch::Contains("\"force\":true"));
  CHECK(std::none_of(plan.steps.begin(), plan.steps.end(),
                     [](const auto& step) { return step.host == "m3"; }));

  // What was stopped on purpose is not started.
  for (auto& instance : cluster.instances) {
    instance.wanted_running = instance.component == Component::kDmMaster;
  }
  const auto stopped = PlanReaddress(cluster, readdress);
  CHECK(std::none_of(stopped.steps.begin(), stopped.steps.end(),
                     [](const auto& step) { return step.id == "m2/start/dm-worker"; }));
}

}  // namespace
}  // namespace dmgr::operations
