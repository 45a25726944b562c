// The plan of a reload.
#include <algorithm>
#include <catch2/catch.hpp>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"
#include "server/operations/reload/plan.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Instance;
using Names = std::vector<std::string>;

// A master and a worker on m1 and m2, Prometheus on m1.
Cluster MonitoredPair() {
  Cluster cluster = topology::Good(topology::Input(R"(
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    monitoring_servers { placement { host: "10.0.0.1" } } )"));
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  return cluster;
}

std::vector<const Instance*> Of(const Cluster& cluster, const std::string& prefix) {
  std::vector<const Instance*> found;
  for (const auto& instance : cluster.instances) {
    if (topology::Name(instance.component).starts_with(prefix)) found.push_back(&instance);
  }
  return found;
}

Names AllIds(const engine::Plan& plan) {
  Names ids;
  for (const auto& step : plan.steps) ids.push_back(step.id);
  return ids;
}

TEST_CASE("a reload takes those whose files differ in turns", "[plan][reload]") {
  const Cluster cluster = MonitoredPair();
  Reload reload;
  reload.selected = Of(cluster, "");
  reload.differing = Of(cluster, "dm-worker");
  reload.etag = "e1";
  const auto plan = PlanReload(cluster, reload);
  REQUIRE(engine::Check(plan).ok());
  CHECK(plan.kind == v1::OPERATION_KIND_RELOAD);
  // Nobody looks at the files of dm-workers but they themselves.
  CHECK(AllIds(plan) == Names{"m1/files", "m2/files", "m1/units", "m2/units", "members",
                              "m1/reload/dm-10.0.0.1-8262", "m2/reload/dm-10.0.0.2-8262",
                              "m1/reload-bound/dm-10.0.0.1-8262",
                              "m2/reload-bound/dm-10.0.0.2-8262", "record"});
  for (const auto& step : plan.steps) {
    CHECK(step.point_of_no_return == (step.id == "record"));
    if (step.runner == kSurveyMembers || step.id.ends_with("/units")) continue;
    // Turns have it at the same place.
    CHECK(ParamsOf<pv1::ReloadParams>(step).etag() == "e1");
  }
  CHECK(ParamsOf<pv1::ReloadParams>(plan.steps.back()).instances_size() == 5);
}

TEST_CASE("files that a program can look at are checked before any is replaced", "[plan][reload]") {
  const Cluster cluster = MonitoredPair();
  Reload reload;
  reload.selected = Of(cluster, "");
  reload.differing = reload.selected;
  const auto plan = PlanReload(cluster, reload);
  REQUIRE(engine::Check(plan).ok());
  const Names ids = AllIds(plan);
  const auto check = std::find(ids.begin(), ids.end(), "m1/check");
  REQUIRE(check != ids.end());
  CHECK(std::find(ids.begin(), ids.end(), "m2/check") == ids.end());
  const auto first_units = std::find_if(plan.steps.begin(), plan.steps.end(), [](const auto& step) {
    return step.runner == kSurveyUnits;
  });
  CHECK(first_units->depends_on == Names{"m1/check"});
}

TEST_CASE("a stopped cluster gets its files only, an equal one nothing", "[plan][reload]") {
  const Cluster cluster = MonitoredPair();
  Reload reload;
  reload.selected = Of(cluster, "dm-worker");
  reload.differing = reload.selected;
  reload.running = false;
  CHECK(AllIds(PlanReload(cluster, reload)) ==
        Names{"m1/files", "m2/files", "m1/write", "m2/write", "record"});
  reload.differing.clear();
  const auto nothing = PlanReload(cluster, reload);
  REQUIRE(engine::Check(nothing).ok());
  REQUIRE(AllIds(nothing) == Names{"record"});
  CHECK_THAT(nothing.steps[0].title, Catch::Contains("nothing to reload"));
}

TEST_CASE("what was seen of files comes back as it was stored", "[reload]") {
  pv1::FilesSeen seen;
  auto* file = seen.add_files();
  file->set_name("a");
  file->set_restore(std::string("sealed\0\xff", 8));
  file->set_is_reloadable(true);
  seen.add_files()->set_name("b");
  pv1::FilesSeen again;
  REQUIRE(ReadStep(StepJson(seen), &again).ok());
  REQUIRE(again.files_size() == 2);
  CHECK(again.files(0).name() == "a");
  CHECK(again.files(0).restore() == file->restore());
  CHECK(again.files(0).is_reloadable());
  CHECK_FALSE(again.files(1).is_reloadable());
}

}  // namespace
}  // namespace dmgr::operations
