// The plan of a rebuild.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "dmgr/plan/v1/clean.pb.h"
#include "server/operations/plan/founding.h"
#include "server/operations/rebuild/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"
#include "tests/unit/operations/plans.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Membership;

std::vector<const topology::Instance*> Dm(const topology::Cluster& cluster) {
  std::vector<const topology::Instance*> all = cluster.Of(Component::kDmMaster);
  for (const auto* worker : cluster.Of(Component::kDmWorker)) all.push_back(worker);
  return all;
}

TEST_CASE("nothing is removed before the copy was read and all has ended; workers come last") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = PlanRebuild(cluster, Dm(cluster), 7);
  REQUIRE(engine::Check(plan).ok());
  std::map<std::string, std::vector<std::string>> ids;
  for (const auto& step : plan.steps) ids[step.runner].push_back(step.id);
  CHECK(ids[kCheckCopy].size() == 1);
  CHECK(ids[kClean].size() == cluster.Of(Component::kDmMaster).size());
  for (const auto& clean : ids[kClean]) {
    const auto before = Before(plan, clean);
    CHECK(before.contains("copy"));
    for (const auto& end : ids[kEndToStart]) CHECK(before.contains(end));
  }
  const auto put_back = Before(plan, "put-back");
  const auto read_back = Before(plan, "read-back");
  for (const auto& start : ids[kStart]) {
    const bool is_master = start.find("master") != std::string::npos;
    CHECK(put_back.contains(start) == is_master);
    CHECK(read_back.contains(start));
  }
  CHECK(Before(plan, "bound").contains("read-back"));
  // All are founders already.
  CHECK(ids[kFound].empty());
  for (const auto& step : plan.steps) {
    if (step.runner != kPutBack) continue;
    CHECK(ParamsOf<pv1::RebuildParams>(step).copy_id() == 7);
  }
}

TEST_CASE("dm-masters on hosts that answer found the new DM, the others are no founders any more") {
  topology::Cluster cluster = clusters::SampleCluster();
  const auto masters = cluster.Of(Component::kDmMaster);
  REQUIRE(masters.size() > 1);
  auto some = Dm(cluster);
  some.erase(some.begin());
  const auto plan = PlanRebuild(cluster, some, 1);
  REQUIRE(engine::Check(plan).ok());
  std::set<std::string> found;
  for (const auto& step : plan.steps) {
    if (step.runner != kFound && step.runner != kRecordFounders) continue;
    CHECK(step.point_of_no_return);
    const auto params = ParamsOf<pv1::FoundParams>(step);
    CHECK(params.founders_size() == static_cast<int>(masters.size()) - 1);
    found.insert(params.instances().begin(), params.instances().end());
  }
  CHECK(found.size() == masters.size() - 1);
  const auto founded = AsFounded(cluster, {found.begin(), found.end()});
  CHECK(founded.Of(Component::kDmMaster)[0]->membership == Membership::kJoined);
  CHECK(founded.Of(Component::kDmMaster)[1]->membership == Membership::kFounder);
}

TEST_CASE(
    "others are on their hosts before anything ends, and know of each other before they start") {
  topology::Cluster cluster = clusters::SampleCluster();
  Replacing replacing;
  replacing.copy_id = 7;
  replacing.package = clusters::SamplePackage();
  std::vector<topology::Instance> fresh;
  const std::string lost = cluster.Of(Component::kDmMaster)[0]->machine_id;
  for (const auto* old : cluster.OnMachine(lost)) {
    fresh.push_back(*old);
    fresh.back().name = "new-" + old->name;
    fresh.back().machine_id = "other";
    fresh.back().membership = Membership::kJoining;
  }
  cluster.instances.insert(cluster.instances.end(), fresh.begin(), fresh.end());
  replacing.away.leaving = cluster.OnMachine(lost);
  replacing.away.unreachable = {lost};
  const auto plan = PlanRebuildElsewhere(cluster, replacing);
  REQUIRE(engine::Check(plan).ok());
  bool is_behind_return = false;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    CHECK(step.host != lost);
    is_behind_return = is_behind_return || step.point_of_no_return;
    const auto before = Before(plan, step.id);
    if (step.runner == kTellStop) {
      CHECK(before.contains("copy"));
      CHECK(before.contains("other/install"));
    }
    if (step.runner == kForget) CHECK(step.point_of_no_return);
    if (step.runner == kFound) CHECK(before.contains("forget"));
    if (step.runner == kRewrite) CHECK(before.contains("admit"));
    if (step.runner != kStart) continue;
    CHECK(before.contains("founders"));
    const bool is_master = step.id.find("master") != std::string::npos;
    CHECK(before.contains("other/rewrite") == !is_master);
  }
  CHECK(is_behind_return);
  CHECK(Before(plan, "record").contains("bound"));
}

}  // namespace
}  // namespace dmgr::operations
