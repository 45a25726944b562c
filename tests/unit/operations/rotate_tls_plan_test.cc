// The plan of other certificates.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/operations/rotate_tls/plan.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"

namespace dmgr::operations {
namespace {

pv1::TlsRound Round(const std::string& previous, const std::string& next) {
  pv1::TlsRound round;
  round.mutable_previous()->set_trusted(previous);
  round.mutable_next()->set_trusted(next);
  return round;
}

// Whether the step waits for the other one, at whatever distance.
bool WaitsFor(const engine::Plan& plan, const std::string& step, const std::string& other) {
  for (const auto& one : plan.steps) {
    if (one.id != step) continue;
    for (const auto& before : one.depends_on) {
      if (before == other || WaitsFor(plan, before, other)) return true;
    }
  }
  return false;
}

engine::Plan Planned(const topology::Cluster& cluster, std::vector<pv1::TlsRound> rounds) {
  std::vector<const topology::Instance*> instances;
  for (const auto& instance : cluster.instances) {
    if (instance.IsDm()) instances.push_back(&instance);
  }
  auto plan = PlanRotateTls(cluster, instances, {.rounds = std::move(rounds)});
  REQUIRE(engine::Check(plan).ok());
  return plan;
}

TEST_CASE("new certificates are recorded, then every instance gets its own") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = Planned(cluster, {Round("old", "new")});
  CHECK(plan.kind == v1::OPERATION_KIND_ROTATE_TLS);
  std::set<std::string> renewed;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    CHECK_FALSE(step.point_of_no_return);
    if (step.runner == kRecordTls) {
      CHECK(step.id == "tls-renew");
      CHECK(ParamsOf<pv1::TlsRound>(step).next().trusted() == "new");
    }
    if (step.runner != kRenewTls) continue;
    const auto params = ParamsOf<pv1::TlsTurn>(step);
    CHECK(params.round_step() == "tls-renew");
    CHECK(WaitsFor(plan, step.id, "tls-renew"));
    renewed.insert(params.turn().instance());
  }
  std::set<std::string> all;
  for (const auto& instance : cluster.instances) {
    if (instance.IsDm()) all.insert(instance.name);
  }
  CHECK(renewed == all);
}

TEST_CASE("of a new CA each round waits until all instances have the one before") {
  const topology::Cluster cluster = clusters::SampleCluster();
  const auto plan = Planned(
      cluster, {Round("old", "both"), Round("both", "both, new"), Round("both, new", "new")});
  std::map<std::string, std::vector<std::string>> turns;
  int surveys = 0;
  for (const auto& step : plan.steps) {
    if (step.runner == kRenewTls) {
      turns[ParamsOf<pv1::TlsTurn>(step).round_step()].push_back(step.id);
    }
    if (step.id == "members") ++surveys;
  }
  CHECK(surveys == 1);
  REQUIRE(turns.size() == 3);
  for (const auto& turn : turns["tls-trust"]) CHECK(WaitsFor(plan, "tls-renew", turn));
  for (const auto& turn : turns["tls-renew"]) CHECK(WaitsFor(plan, "tls-distrust", turn));
  for (const auto& turn : turns["tls-distrust"]) CHECK(WaitsFor(plan, turn, "tls-distrust"));
}

}  // namespace
}  // namespace dmgr::operations
