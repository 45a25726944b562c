// A move forward, undone and repeated; what it takes along, and when it is refused.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/store/cluster_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

constexpr char kMoved[] = "dm-test";

template <typename Request>
Request OfMoved() {
  Request request;
  request.set_cluster_name(kMoved);
  return request;
}

v1::MoveMachineRequest FromTo(const std::string& from, const std::string& to) {
  auto request = OfMoved<v1::MoveMachineRequest>();
  request.set_from_machine_id(from);
  request.set_to_machine_id(to);
  return request;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

v1::MoveClusterRequest ToOthers(const Pairs& pairs) {
  auto request = OfMoved<v1::MoveClusterRequest>();
  for (const auto& [from, to] : pairs) {
    auto* one = request.add_replacements();
    one->set_from_machine_id(from);
    one->set_to_machine_id(to);
  }
  return request;
}

// A stage with a cluster that is up, and the ways to call.
struct Removal {
  Removal() {
    auto request = OfMoved<v1::DeployClusterRequest>();
    request.set_version("v7.5.1");
    *request.mutable_topology() = SampleTopology();
    Perform(&stage, By(operations::DeployCluster, request));
    Perform(&stage, By(operations::StartCluster, OfMoved<v1::StartClusterRequest>()));
  }

  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    return [this, call, request = std::move(request)] {
      return call(stage.resources(), request, Caller{"alice"});
    };
  }

  Stage stage;
};

// Whether its plan has a step of this runner.
bool Has(const std::set<std::string>& runners, const char* runner) {
  return runners.contains(runner);
}

TEST_CASE("what is on a machine moves to another one", "[runners][move]") {
  Removal removal;
  Stage& stage = removal.stage;
  stage.members().Bind("mysql-1", "worker-2");
  const auto before = stage.host("m2").Running();
  std::set<std::string> runners;
  Rehearse(&stage, removal.By(operations::MoveMachine, FromTo("m2", "m4")), &runners);
  CHECK(Has(runners, operations::kLeave));
  CHECK_FALSE(Has(runners, operations::kForget));
  CHECK(stage.host("m4").Running() == before);
  CHECK(stage.host("m2").Running().empty());
  CHECK_FALSE(stage.host("m2").root().Exists("opt/dm"));
  CHECK_THAT(stage.members().State(), Catch::Contains("dm-10.0.0.4-18261") &&
                                          !Catch::Contains("master-2") &&
                                          !Catch::Contains("worker-2"));
  // A dm-master and all of monitoring.
  Rehearse(&stage, removal.By(operations::MoveMachine, FromTo("m1", "m2")), &runners);
  CHECK(stage.host("m2").Running().size() == 4);
  CHECK(stage.host("m1").Running().empty());
}

TEST_CASE("what a lost machine had comes up on another one", "[runners][move]") {
  Removal removal;
  Stage& stage = removal.stage;
  const auto before = stage.host("m3").Running();
  stage.Lose("m3");
  auto request = FromTo("m3", "m4");
  CHECK(Reason(removal.By(operations::MoveMachine, request)().status()) == "HOSTS_UNREACHABLE");
  request.set_force(true);
  std::set<std::string> runners;
  Rehearse(&stage, removal.By(operations::MoveMachine, request), &runners);
  CHECK(Has(runners, operations::kForget));
  CHECK(Has(runners, operations::kJoin));
  CHECK_FALSE(Has(runners, operations::kLeave));
  CHECK(stage.host("m4").Running() == before);
  CHECK_THAT(stage.members().State(), !Catch::Contains("master-3") && !Catch::Contains("worker-3"));
  // What is on it is remembered, and it is not behind.
  CHECK_THAT(stage.LookAtRecord(),
             Catch::Contains("machine_leftover") && !Catch::Contains("cluster_behind"));
}

TEST_CASE("all of a cluster moves to other machines in one operation", "[runners][move]") {
  Removal removal;
  Stage& stage = removal.stage;
  stage.AddMachine("m5", "10.0.0.5");
  stage.AddMachine("m6", "10.0.0.6");
  stage.members().Bind("mysql-1", "worker-2");
  stage.members().Bind("mysql-2", "worker-3");
  const Pairs pairs = {{"m1", "m4"}, {"m2", "m5"}, {"m3", "m6"}};
  std::map<std::string, std::set<std::string>> before;
  for (const auto& [from, to] : pairs) before[to] = stage.host(from).Running();
  std::set<std::string> runners;
  Rehearse(&stage, removal.By(operations::MoveCluster, ToOthers(pairs)), &runners);
  CHECK(Has(runners, operations::kJoin));
  CHECK_FALSE(Has(runners, operations::kForget));
  for (const auto& [from, to] : pairs) {
    CHECK(stage.host(to).Running() == before[to]);
    CHECK(stage.host(from).Running().empty());
    CHECK_FALSE(stage.host(from).root().Exists("opt/dm"));
  }
  CHECK_THAT(stage.members().State(), !Catch::Contains("master-") && !Catch::Contains("worker-"));
  CHECK(stage.members().WorkerOf("mysql-1") != stage.members().WorkerOf("mysql-2"));
}

TEST_CASE("a cluster moves only while it lives, and to machines that are free", "[runners][move]") {
  Removal removal;
  removal.stage.AddMachine("m5", "10.0.0.5");
  const std::string before = removal.stage.LookAtRecord();
  const auto refusal = [&](const Pairs& pairs) {
    return removal.By(operations::MoveCluster, ToOthers(pairs))().status();
  };
  const auto reason = [&](const Pairs& pairs) { return Reason(refusal(pairs)); };
  CHECK(reason({}) == "INVALID_ARGUMENT");
  CHECK(reason({{"m4", "m5"}}) == "INVALID_ARGUMENT");
  CHECK(reason({{"m2", "m4"}, {"m2", "m5"}}) == "INVALID_ARGUMENT");
  CHECK(reason({{"m2", "m3"}, {"m3", "m4"}}) == "INVALID_ARGUMENT");
  CHECK(reason({{"m2", "m4"}, {"m3", "m9"}}) == "MACHINE_NOT_FOUND");
  // Both have a dm-master of the same port.
  CHECK(reason({{"m2", "m4"}, {"m3", "m4"}}) == "HOST_CONFLICT");
  const Pairs good = {{"m2", "m4"}, {"m3", "m5"}};
  removal.stage.Lose("m5");
  CHECK_THAT(refusal(good).ToString(), Catch::Contains("m5"));
  removal.stage.Recover("m5");
  const auto helps = [&](v1::Action action) {
    return std::ranges::any_of(NextActionsOf(refusal(good)),
                               [&](const auto& next) { return next.action() == action; });
  };
  removal.stage.Lose("m3");
  CHECK(reason(good) == "HOSTS_UNREACHABLE");
  CHECK(helps(v1::ACTION_MOVE_MACHINE));
  removal.stage.Lose("m1");
  CHECK(reason(good) == "DM_QUORUM");
  CHECK(helps(v1::ACTION_REBUILD_CLUSTER));
  removal.stage.Lose("m2");
  CHECK(reason(good) == "DM_QUORUM");
  CHECK(removal.stage.LookAtRecord() == before);
}

// Runs the operation's steps until one of this runner is next, and has it fail there.
void FailBefore(Stage* stage, const Ask& ask, const std::string& runner) {
  REQUIRE_OK(ask().status());
  ClaimedOperation run(stage);
  store::StepRecord* step = run.Next();
  for (; step != nullptr && step->runner != runner; step = run.Next()) {
    run.Begin(*step);
    run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  }
  REQUIRE(step != nullptr);
  run.End(v1::OPERATION_STATE_FAILED);
}

TEST_CASE("when the old machine dies in the middle of a move, a scale-in by force ends it",
          "[runners][move]") {
  Removal removal;
  Stage& stage = removal.stage;
  const std::string runner = GENERATE(as<std::string>(), operations::kVacate, operations::kLeave);
  FailBefore(&stage, removal.By(operations::MoveMachine, FromTo("m3", "m4")), runner);
  const auto arrived = stage.host("m4").Running();
  CHECK(arrived.size() == 2);
  stage.Lose("m3");
  auto leaving = OfMoved<v1::ScaleInClusterRequest>();
  leaving.mutable_selection()->add_nodes("master-3");
  leaving.mutable_selection()->add_nodes("worker-3");
  leaving.set_force(true);
  Perform(&stage, removal.By(operations::ScaleInCluster, leaving));
  CHECK(stage.host("m4").Running() == arrived);
  CHECK_THAT(stage.members().State(), Catch::Contains("dm-10.0.0.4-18261") &&
                                          !Catch::Contains("master-3") &&
                                          !Catch::Contains("worker-3"));
}

TEST_CASE("a patch, and that a host does not start it at boot, move with a dm-worker",
          "[runners][move]") {
  Removal removal;
  auto patch = OfMoved<v1::PatchClusterRequest>();
  patch.set_patch_id(removal.stage.AddWorkerPatch());
  patch.mutable_selection()->add_nodes("worker-3");
  Perform(&removal.stage, removal.By(operations::PatchCluster, patch));
  auto disable = OfMoved<v1::DisableClusterRequest>();
  disable.mutable_selection()->add_nodes("worker-3");
  Perform(&removal.stage, removal.By(operations::DisableCluster, disable));
  Perform(&removal.stage, removal.By(operations::MoveMachine, FromTo("m3", "m4")));
  store::ClusterRecord record;
  REQUIRE_OK(removal.stage.database().Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, kMoved));
    return absl::OkStatus();
  }));
  const auto moved = record.cluster.OnMachine("m4");
  REQUIRE(moved.size() == 2);
  for (const auto* instance : moved) {
    const bool worker = instance->component == topology::Component::kDmWorker;
    CHECK((instance->patch == patch.patch_id()) == worker);
    CHECK(instance->wanted_enabled != worker);
    CHECK(removal.stage.host("m4").root().Exists("etc/systemd/system/multi-user.target.wants/" +
                                                 instance->Unit()) != worker);
  }
}

TEST_CASE("a move that cannot go well is refused before anything is stored", "[runners][move]") {
  Removal removal;
  const std::string before = removal.stage.LookAtRecord();
  const auto refusal = [&](const std::string& from, const std::string& to) {
    auto request = FromTo(from, to);
    request.set_force(true);
    return removal.By(operations::MoveMachine, request)().status();
  };
  const auto reason = [&](const std::string& from, const std::string& to) {
    return Reason(refusal(from, to));
  };
  CHECK(reason("m3", "m3") == "INVALID_ARGUMENT");
  CHECK(reason("m4", "m3") == "INVALID_ARGUMENT");
  CHECK(reason("m3", "m9") == "MACHINE_NOT_FOUND");
  // The same ports are taken there.
  CHECK(reason("m3", "m2") == "HOST_CONFLICT");
  removal.stage.Lose("m4");
  const absl::Status lost = refusal("m3", "m4");
  CHECK_THAT(lost.ToString(), Catch::Contains("m4"));
  CHECK_FALSE(lost.ok());
  removal.stage.Recover("m4");
  // DM takes nobody new while another one than those that leave is dead.
  removal.stage.Lose("m2");
  CHECK(reason("m3", "m4") == "DM_NOT_HEALTHY");
  removal.stage.Lose("m3");
  CHECK(reason("m3", "m4") == "DM_QUORUM");
  CHECK(removal.stage.LookAtRecord() == before);
}

}  // namespace
}  // namespace dmgr::test
