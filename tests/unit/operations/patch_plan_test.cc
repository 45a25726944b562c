// Plans of patches, and what instances get of them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>

#include "server/clusters/placement.h"
#include "server/operations/patch/plan.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/upgrade/plan.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/operations/plans.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;
using Names = std::vector<std::string>;

constexpr char kOld[] = "old-patch";

// Two masters and two workers on m1 and m2; the worker on m1 is patched.
Cluster PatchedCluster() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } } )");
  Cluster cluster = topology::Good(input);
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  for (auto& instance : cluster.instances) {
    if (instance.component == Component::kDmWorker && instance.machine_id == "m1") {
      instance.patch = kOld;
    }
  }
  return cluster;
}

v1::Patch WorkerPatch() {
  v1::Patch patch;
  patch.set_patch_id("new-patch");
  patch.mutable_release()->set_component(v1::COMPONENT_DM_WORKER);
  patch.mutable_release()->set_compressed_bytes(1000);
  return patch;
}

TEST_CASE("a patch goes to all hosts before the first instance, the old one goes last", "[plan]") {
  const Cluster cluster = PatchedCluster();
  PatchInput input;
  input.instances = cluster.Of(Component::kDmWorker);
  input.patch = WorkerPatch();
  input.new_roles = {{"dm-worker", "new-patch"}};
  input.words = {{"new-patch", "patch fix"}, {"", "v7.5.1"}};
  const auto plan = PlanPatch(cluster, input);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_PATCH);
  const auto sent = StepsOf(plan, kPatchRelease);
  REQUIRE(sent.size() == 2);
  for (const auto& step : plan.steps) {
    if (step.id != kMembersStep) continue;
    for (const auto& send : sent) {
      CHECK(std::count(step.depends_on.begin(), step.depends_on.end(), send.id) == 1);
    }
  }
  const auto turns = StepsOf(plan, kPatch);
  REQUIRE(turns.size() == 4);
  auto params = ParamsOf<pv1::PatchTurn>(turns[0]);
  CHECK(params.turn().instance() == cluster.Of(Component::kDmWorker)[0]->name);
  CHECK(params.from() == kOld);
  CHECK(params.to() == "new-patch");
  CHECK(params.to_words() == "patch fix");
  CHECK_THAT(turns[0].title, Catch::EndsWith(": patch fix"));
  params = ParamsOf<pv1::PatchTurn>(turns[1]);
  CHECK(params.from().empty());
  CHECK(params.from_words() == "v7.5.1");
  CHECK(StepsOf(plan, kRecordRolePatches).size() == 1);
  REQUIRE(StepsOf(plan, kDropPatches).size() == 1);
  CHECK(StepsOf(plan, kDropPatches)[0].host == "m1");
  REQUIRE(StepsOf(plan, kFreePatches).size() == 1);
  for (const auto& step : plan.steps) {
    const bool last = step.runner == kDropPatches || step.runner == kFreePatches;
    CHECK(step.point_of_no_return == last);
  }
}

TEST_CASE("taking patches off sends nothing", "[plan]") {
  const Cluster cluster = PatchedCluster();
  PatchInput input;
  input.instances = {cluster.Of(Component::kDmWorker)[0]};
  const auto plan = PlanPatch(cluster, input);
  REQUIRE(engine::Check(plan).ok());
  CHECK(StepsOf(plan, kPatchRelease).empty());
  CHECK(StepsOf(plan, kPatch).size() == 1);
  CHECK(StepsOf(plan, kRecordRolePatches).empty());
}

TEST_CASE("a patch takes the place of one program of the release", "[layout]") {
  const Cluster cluster = PatchedCluster();
  v1::PackageComponent release;
  release.set_release_hash("release");
  for (const char* path : {"bin/dm-worker", "bin/other"}) release.add_files()->set_path(path);
  const auto workers = cluster.Of(Component::kDmWorker);
  const auto patched = clusters::PlacementsOf(*workers[0], release);
  REQUIRE(patched.size() == 2);
  CHECK(patched[0].hash() == kOld);
  CHECK(patched[0].target() == workers[0]->deploy_dir + "/bin/dm-worker");
  CHECK(patched[1].hash() == "release");
  CHECK(clusters::PlacementsOf(*workers[1], release)[0].hash() == "release");
}

TEST_CASE("an upgrade says which patches it drops, and remembers them", "[plan]") {
  const Cluster cluster = PatchedCluster();
  v1::Package from, to;
  from.set_version("v7.5.1");
  to.set_version("v7.5.2");
  for (const bool offline : {false, true}) {
    const auto plan = PlanUpgrade(cluster, from, to, offline,
                                  {{{"dm-worker", kOld}}, {{kOld, "patch fix (v7.5.1-fix)"}}});
    int dropping = 0;
    for (const auto& step : plan.steps) {
      if (step.title.find("dropping patch fix (v7.5.1-fix)") != std::string::npos) ++dropping;
      if (step.runner != kUpgrade && step.runner != kUpgradeStopped) continue;
      const auto params =
          offline ? ParamsOf<pv1::UpgradeParams>(step) : ParamsOf<pv1::UpgradeTurn>(step).upgrade();
      const bool drops = step.title.find("dropping") != std::string::npos;
      CHECK(params.patches().empty() != drops);
    }
    // The two steps of the instance or its host, and the record.
    CHECK(dropping == (offline ? 2 : 3));
  }
}

}  // namespace
}  // namespace dmgr::operations
