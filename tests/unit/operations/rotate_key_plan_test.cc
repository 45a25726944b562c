// The plan of another key.
#include <set>
#include <string>

#include "server/operations/rotate_key/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"

namespace dmgr::operations {
namespace {

TEST_CASE("every host has the new key before the record, and the record before the old one goes") {
  topology::Cluster cluster = clusters::SampleCluster();
  cluster.user_login = true;
  pv1::RotateKeyParams keys;
  keys.mutable_previous()->set_public_key("old");
  keys.mutable_previous()->set_sealed_private_key("old, sealed");
  keys.mutable_next()->set_public_key("new");
  keys.mutable_next()->set_sealed_private_key("new, sealed");
  const auto plan = PlanRotateKey(cluster, keys);
  REQUIRE(engine::Check(plan).ok());
  std::set<std::string> added;
  std::set<std::string> dropped;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    const auto params = ParamsOf<pv1::RotateKeyParams>(step);
    CHECK(params.previous().public_key() == "old");
    CHECK(params.next().public_key() == "new");
    const bool is_record = step.runner == kRecordKey;
    CHECK(params.next().sealed_private_key() == (is_record ? "new, sealed" : ""));
    CHECK(params.previous().sealed_private_key() == (is_record ? "old, sealed" : ""));
    const std::set<std::string> before(step.depends_on.begin(), step.depends_on.end());
    CHECK(step.point_of_no_return == (step.runner == kDropKeys));
    if (step.runner == kAddKey) {
      CHECK(before.empty());
      added.insert(step.id);
    } else if (is_record) {
      CHECK(before == added);
    } else {
      CHECK(before == std::set<std::string>{"key"});
      dropped.insert(step.host);
    }
  }
  CHECK(added.size() == 3);
  CHECK(dropped.size() == 3);
  // Without a login no host has one; older ones go.
  cluster.user_login = false;
  CHECK(PlanRotateKey(cluster, keys).steps.size() == 4);
}

}  // namespace
}  // namespace dmgr::operations
