// What an operation will do: all of it pure.
#include "server/operations/deploy/plan.h"

#include <algorithm>
#include <set>

#include "common/error.h"
#include "dmgr/plan/v1/reload.pb.h"
#include "dmgr/plan/v1/scale.pb.h"
#include "dmgr/plan/v1/turns.pb.h"
#include "server/operations/destroy/plan.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/units.h"
#include "server/operations/service/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/operations/plans.h"

namespace dmgr::operations {
namespace {

using clusters::All;
using clusters::Names;
using clusters::SampleCluster;
using clusters::SamplePackage;
using topology::Cluster;
using topology::Component;

const engine::Step& Find(const engine::Plan& plan, const std::string& id) {
  for (const auto& step : plan.steps) {
    if (step.id == id) return step;
  }
  FAIL("no step " << id);
  return plan.steps.front();
}

std::set<std::string> Ids(const engine::Plan& plan, const std::string& runner) {
  std::set<std::string> ids;
  for (const auto& step : plan.steps) {
    if (step.runner == runner) ids.insert(step.id);
  }
  return ids;
}

std::set<std::string> Union(std::set<std::string> one, const std::set<std::string>& other) {
  one.insert(other.begin(), other.end());
  return one;
}

bool Includes(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// What every plan must be.
void CheckSound(const engine::Plan& plan) {
  std::set<std::string> seen;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    CHECK_FALSE(step.title.empty());
    CHECK_FALSE(step.runner.empty());
    CHECK(step.weight > 0);
    // A step of a host has the host's machine and a control step has none.
    CHECK(step.host.empty() == (step.runner.rfind("control.", 0) == 0));
    for (const auto& other : step.depends_on) CHECK(seen.count(other) == 1);
    CHECK(seen.insert(step.id).second);
  }
}

Names InstancesOf(const engine::Step& step) {
  const auto params = ParamsOf<pv1::InstancesParams>(step);
  return {params.instances().begin(), params.instances().end()};
}

TEST_CASE("a deploy changes nothing before every host was surveyed", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanDeploy(cluster, SamplePackage());
  CheckSound(plan);
  CHECK(plan.kind == v1::OPERATION_KIND_DEPLOY);
  CHECK(plan.cluster_name == cluster.name);
  CHECK(plan.cluster_uuid == cluster.uuid);
  const auto surveys = Ids(plan, kSurvey);
  CHECK(surveys == std::set<std::string>{"m1/survey", "m2/survey", "m3/survey"});
  for (const auto& step : plan.steps) {
    INFO(step.id);
    if (step.runner == kRegister) {
      CHECK(step.depends_on.empty());
    } else if (step.runner == kSurvey) {
      CHECK(step.depends_on == Names{"register"});
    } else {
      CHECK(Includes(Before(plan, step.id), surveys));
    }
  }
}

TEST_CASE("a deploy sends each component once to each host that needs it", "[plan]") {
  const auto plan = PlanDeploy(SampleCluster(), SamplePackage());
  CHECK(Ids(plan, kRelease) ==
        std::set<std::string>{"m1/release/dm-master", "m1/release/dm-worker",
                              "m1/release/prometheus", "m1/release/alertmanager",
                              "m1/release/grafana", "m1/release/node-exporter",
                              "m1/release/blackbox-exporter", "m2/release/dm-master",
                              "m2/release/dm-worker", "m3/release/dm-master"});
  const auto& send = Find(plan, "m2/release/dm-worker");
  CHECK(send.host == "m2");
  CHECK(send.bytes_total == 9000000);
  // A bigger one counts for more of the progress.
  CHECK(Find(plan, "m1/release/alertmanager").weight > send.weight);
  CHECK(ParamsOf<pv1::ReleaseParams>(send).component() == "dm-worker");
}

TEST_CASE("a host is installed after its own preparation, and recorded after all", "[plan]") {
  const auto plan = PlanDeploy(SampleCluster(), SamplePackage());
  CHECK(std::set<std::string>(Find(plan, "m3/install").depends_on.begin(),
                              Find(plan, "m3/install").depends_on.end()) ==
        std::set<std::string>{"m3/prepare", "m3/release/dm-master"});
  // Hosts do not wait for one another.
  CHECK(Before(plan, "m3/install").count("m1/prepare") == 0);
  CHECK(plan.steps.back().runner == kRecordState);
  CHECK(Includes(Before(plan, plan.steps.back().id), Ids(plan, kInstall)));
  CHECK(ParamsOf<pv1::StateParams>(plan.steps.back()).state() == v1::CLUSTER_STATE_OFFLINE);
  for (const auto& step : plan.steps) CHECK_FALSE(step.point_of_no_return);
}

TEST_CASE("a start goes in waves, each after the one before on all hosts", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStart(cluster, All(cluster));
  CheckSound(plan);
  const std::set<std::string> masters = {"m1/start/dm-master", "m2/start/dm-master",
                                         "m3/start/dm-master"};
  const std::set<std::string> workers = {"m1/start/dm-worker", "m2/start/dm-worker"};
  // What runs is recorded before anything is started, on all hosts.
  const std::set<std::string> surveys = Ids(plan, kSurveyUnits);
  CHECK(surveys == std::set<std::string>{"m1/units", "m2/units", "m3/units"});
  for (const auto& id : masters) CHECK(Before(plan, id) == surveys);
  for (const auto& id : workers) CHECK(Before(plan, id) == Union(masters, surveys));
  // Monitoring waits for DM on its own host only, DM never for monitoring: one that does not get
  // ready must not keep the host from the rest.
  const auto& before = Find(plan, "m1/start/monitoring").depends_on;
  CHECK(std::set<std::string>(before.begin(), before.end()) ==
        Union(surveys, {"m1/start/dm-master", "m1/start/dm-worker"}));
  CHECK(InstancesOf(Find(plan, "m1/start/monitoring")).size() == 5);
  CHECK(plan.steps.back().id == "record");
  CHECK(Includes(Before(plan, "record"), Union({"m1/start/monitoring"}, workers)));
  CHECK(ParamsOf<pv1::StateParams>(plan.steps.back()).state() == v1::CLUSTER_STATE_UP);
}

TEST_CASE("a cluster that is started in part is up, one that is stopped in part, too", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStart(cluster, cluster.Of(Component::kDmWorker));
  CheckSound(plan);
  CHECK(Ids(plan, kStart) == std::set<std::string>{"m1/start/dm-worker", "m2/start/dm-worker"});
  CHECK(InstancesOf(Find(plan, "m2/start/dm-worker")) ==
        Names{cluster.Of(Component::kDmWorker)[1]->name});
  CHECK(ParamsOf<pv1::StateParams>(plan.steps.back()).state() == v1::CLUSTER_STATE_UP);
  const auto stop = PlanStop(cluster, cluster.Of(Component::kDmWorker), false);
  CheckSound(stop);
  CHECK(Ids(stop, kRecordState).empty());
}

TEST_CASE("a stop goes the other way round", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStop(cluster, All(cluster), true);
  CheckSound(plan);
  const std::set<std::string> surveys = Ids(plan, kSurveyUnits);
  CHECK(Before(plan, "m2/stop/dm-worker") == surveys);
  CHECK(Includes(Before(plan, "m3/tell"), {"m1/stop/dm-worker", "m2/stop/dm-worker", "evict"}));
  // With the monitoring.
  CHECK(InstancesOf(Find(plan, "m1/tell")).size() == 6);
  CHECK(Includes(Before(plan, "m3/end"), {"m1/tell", "m2/tell", "m3/tell"}));
  CHECK(Includes(Before(plan, "record"), {"m1/end", "m2/end", "m3/end"}));
  CHECK(ParamsOf<pv1::StateParams>(plan.steps.back()).state() == v1::CLUSTER_STATE_OFFLINE);
}

TEST_CASE("a stop of all of DM is a whole one, a stop of its dm-masters is not", "[plan]") {
  const Cluster cluster = SampleCluster();
  auto dm = cluster.Of(Component::kDmWorker);
  CHECK(Ids(PlanStop(cluster, cluster.Of(Component::kDmMaster), false), kEnd).empty());
  for (const auto* master : cluster.Of(Component::kDmMaster)) dm.push_back(master);
  const auto plan = PlanStop(cluster, dm, false);
  CheckSound(plan);
  CHECK(Ids(plan, kEnd) == std::set<std::string>{"m1/end", "m2/end", "m3/end"});
  CHECK(InstancesOf(Find(plan, "m1/tell")).size() == 1);
}

// What is removed from these machines.
Destroy On(const std::vector<std::string>& machines) {
  Destroy destroy;
  for (const auto& machine : machines) destroy.removals[machine] = "what " + machine + " has";
  return destroy;
}

TEST_CASE("a destroy leaves what cannot be reached, and remembers it", "[plan]") {
  const Cluster cluster = SampleCluster();
  Destroy destroy = On({"m1", "m2", "m3"});
  destroy.lost = {"m3"};
  const auto plan = PlanDestroy(cluster, destroy);
  CheckSound(plan);
  for (const auto& step : plan.steps) CHECK(step.host != "m3");
  CHECK(Ids(plan, kRemove) == std::set<std::string>{"m1/remove", "m2/remove"});
  CHECK_THAT(Find(plan, "m1/remove").title, Catch::Contains("what m1 has"));
  CHECK_THAT(Find(plan, "erase").title, Catch::Contains("m3"));
  CHECK_THAT(Find(plan, "erase").payload_json, Catch::Contains("m3"));
}

TEST_CASE("a destroy stops everything, removes, and forgets last", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanDestroy(cluster, On({"m1", "m2", "m3"}));
  CheckSound(plan);
  const auto stops = Union(Ids(plan, kStop), Ids(plan, kEnd));
  const auto removes = Ids(plan, kRemove);
  CHECK(stops == std::set<std::string>{"m1/stop/dm-worker", "m2/stop/dm-worker", "m1/end", "m2/end",
                                       "m3/end"});
  CHECK(removes == std::set<std::string>{"m1/remove", "m2/remove", "m3/remove"});
  for (const auto& id : removes) {
    CHECK(Includes(Before(plan, id), stops));
    CHECK(Find(plan, id).point_of_no_return);
  }
  CHECK(plan.steps.front().runner == kRecordState);
  for (const auto& id : stops) CHECK(Before(plan, id).count(plan.steps.front().id) == 1);
  CHECK(plan.steps.back().runner == kErase);
  CHECK(Includes(Before(plan, plan.steps.back().id), removes));
}

TEST_CASE("a destroy leaves hosts alone that were never surveyed", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto some = PlanDestroy(cluster, On({"m2"}));
  CheckSound(some);
  for (const auto& step : some.steps) CHECK((step.host.empty() || step.host == "m2"));
  CHECK(Ids(some, kRemove) == std::set<std::string>{"m2/remove"});
  const auto none = PlanDestroy(cluster, {});
  CheckSound(none);
  REQUIRE(none.steps.size() == 2);
  CHECK(none.steps[1].runner == kErase);
  CHECK(none.steps[1].depends_on == Names{none.steps[0].id});
}

TEST_CASE("exporters that another cluster takes over are not stopped", "[plan]") {
  const Cluster cluster = SampleCluster();
  const std::string node = cluster.Of(Component::kNodeExporter)[0]->name;
  const auto stopped = [&](const std::set<std::string>& lent) {
    Destroy destroy = On({"m1", "m2", "m3"});
    destroy.lent = lent;
    const auto plan = PlanDestroy(cluster, destroy);
    CheckSound(plan);
    const auto names = InstancesOf(Find(plan, "m1/end"));
    return std::find(names.begin(), names.end(), node) != names.end();
  };
  CHECK(stopped({}));
  CHECK_FALSE(stopped({node}));
}

TEST_CASE("parameters that cannot be read are an error", "[plan]") {
  pv1::InstancesParams params;
  for (const char* text : {"", "{", "[]", R"({"instances":1})", R"({"instances":[{}]})"}) {
    CAPTURE(text);
    const absl::Status status = ReadStep(text, &params);
    CHECK(absl::IsInternal(status));
    CHECK(Reason(status) == "STEP_UNREADABLE");
    CHECK_FALSE(Metadata(status, "remedy").empty());
  }
}

TEST_CASE("a runner that operations share reads what it needs of each one's parameters", "[plan]") {
  pv1::ReloadParams reload;
  reload.add_instances("a");
  reload.set_etag("e1");
  pv1::InstancesParams params;
  params.add_instances("from before");
  REQUIRE(ReadStep(StepJson(reload), &params).ok());
  CHECK(params.instances_size() == 1);
  CHECK(params.instances(0) == "a");
}

TEST_CASE("a result is never taken for none, also one that found nothing", "[plan]") {
  CHECK(StepJson(pv1::UnitsSeen()) == R"({"active":[],"enabled":[],"wanted":[]})");
  CHECK(StepJson(pv1::HostRecorded()) == R"({"previous":""})");
  CHECK(StepJson(pv1::TurnResult()) == R"({"deferred":false,"paused":[]})");
}

}  // namespace
}  // namespace dmgr::operations
