// Plans that remove logs and data.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "dmgr/plan/v1/clean.pb.h"
#include "server/operations/clean/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/operations/plans.h"

namespace dmgr::operations {
namespace {

namespace pv1 = ::dmgr::plan::v1;

using clusters::All;
using topology::Cluster;
using topology::Component;
using topology::Instance;
using topology::Membership;
using Chosen = std::vector<const Instance*>;

TEST_CASE("nothing is removed before every host was seen to run none of it") {
  const Cluster cluster = clusters::SampleCluster();
  const auto plan = PlanClean(cluster, All(cluster), {.logs = true, .data = true});
  REQUIRE(engine::Check(plan).ok());
  const auto checks = StepsOf(plan, kCheckStopped);
  const auto cleans = StepsOf(plan, kClean);
  CHECK(checks.size() == 3);
  REQUIRE(cleans.size() == 3);
  for (const auto& clean : cleans) {
    INFO(clean.id);
    CHECK(clean.point_of_no_return);
    CHECK(clean.depends_on.size() == checks.size());
    for (const auto& check : checks) {
      CHECK(std::find(clean.depends_on.begin(), clean.depends_on.end(), check.id) !=
            clean.depends_on.end());
    }
    for (const auto* instance : cluster.OnMachine(clean.host)) {
      CHECK_THAT(clean.title, Catch::Contains(instance->log_dir));
      CHECK_THAT(clean.title, Catch::Contains(instance->data_dir));
    }
  }
  for (const auto& check : checks) CHECK_FALSE(check.point_of_no_return);
  // They are founders already.
  CHECK(StepsOf(plan, kFound).empty());
  CHECK(StepsOf(plan, kRecordFounders).empty());
}

TEST_CASE("only what was asked for is removed, of those that were asked for") {
  const Cluster cluster = clusters::SampleCluster();
  const Chosen workers = cluster.Of(Component::kDmWorker);
  const bool data = GENERATE(true, false);
  const auto plan = PlanClean(cluster, workers, {.logs = !data, .data = data});
  const auto cleans = StepsOf(plan, kClean);
  REQUIRE(cleans.size() == 2);
  CHECK(plan.steps.size() == 4);
  const auto params = ParamsOf<pv1::CleanParams>(cleans.front());
  CHECK(params.data() == data);
  CHECK(params.logs() != data);
  REQUIRE(params.instances_size() == 1);
  CHECK(params.instances(0) == workers.front()->name);
  CHECK(cleans.front().title ==
        "remove all that is in " + (data ? workers.front()->data_dir : workers.front()->log_dir));
}

TEST_CASE("all of DM must be stopped when it is to begin anew") {
  const Cluster cluster = clusters::SampleCluster();
  const Chosen masters = cluster.Of(Component::kDmMaster);
  CHECK(MustBeStopped(cluster, masters, {.logs = true, .data = false}) == masters);
  const Chosen stopped = MustBeStopped(cluster, masters, {.logs = false, .data = true});
  CHECK(stopped.size() == masters.size() + cluster.Of(Component::kDmWorker).size());
}

TEST_CASE("a dm-master that has joined is one of the first of the DM that begins anew") {
  Cluster cluster = clusters::SampleCluster();
  for (auto& instance : cluster.instances) instance.membership = Membership::kJoined;
  const Chosen masters = cluster.Of(Component::kDmMaster);
  const auto plan = PlanClean(cluster, masters, {.logs = false, .data = true});
  REQUIRE(engine::Check(plan).ok());
  const auto cleans = StepsOf(plan, kClean);
  const auto found = StepsOf(plan, kFound);
  REQUIRE(found.size() == 3);
  for (const auto& step : found) {
    CHECK(step.point_of_no_return);
    CHECK(step.depends_on.size() == cleans.size());
  }
  CHECK(StepsOf(plan, kRecordFounders).size() == 1);
  std::vector<std::string> names;
  for (const auto* master : cluster.Of(topology::Component::kDmMaster))
    names.push_back(master->name);
  const auto founded = AsFounded(cluster, names);
  for (const auto& instance : founded.instances) {
    CHECK((instance.membership == Membership::kFounder) ==
          (instance.component == Component::kDmMaster));
  }
  // Logs are nothing that it knows itself by.
  CHECK(StepsOf(PlanClean(cluster, masters, {.logs = true, .data = false}), kFound).empty());
}

}  // namespace
}  // namespace dmgr::operations
