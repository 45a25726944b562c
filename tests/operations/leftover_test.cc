// What is given up on a lost machine, and every way out of an operation that was abandoned.
#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/leftovers/leftovers.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/restart/restart.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"
#include "server/store/machine_store.h"
#include "server/store/operation_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kSomebody{"alice"};
constexpr char kLost[] = "dm-test";

template <typename Request>
Request About() {
  Request request;
  request.set_cluster_name(kLost);
  return request;
}

// A stage with a cluster that is up, and the ways to call.
struct Lost {
  Lost() { BringUp(); }

  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    return [this, call, request = std::move(request)] {
      return call(stage.resources(), request, kSomebody);
    };
  }
  Ask Deploying() {
    auto request = About<v1::DeployClusterRequest>();
    request.set_version("v7.5.1");
    request.set_user_login(true);
    *request.mutable_topology() = SampleTopology();
    return By(operations::DeployCluster, request);
  }
  Ask Starting() { return By(operations::StartCluster, About<v1::StartClusterRequest>()); }
  Ask Destroying() {
    auto request = About<v1::DestroyClusterRequest>();
    request.set_force(true);
    return By(operations::DestroyCluster, request);
  }
  void BringUp() {
    Perform(&stage, Deploying());
    Perform(&stage, Starting());
  }

  Stage stage;
};

// What is remembered of the machines, by the name of a machine.
std::vector<std::string> LeftOn(Stage& stage, const std::string& machine) {
  std::vector<std::string> units;
  REQUIRE_OK(stage.database().Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto leftovers, store::ListLeftoversOn(tx, machine));
    for (const auto& leftover : leftovers) {
      for (const auto& instance : leftover.removal.instances()) units.push_back(instance.unit());
    }
    return absl::OkStatus();
  }));
  return units;
}

v1::CleanMachineResponse Clean(Stage& stage, const std::string& machine, bool validate = false) {
  v1::CleanMachineRequest request;
  request.set_machine_id(machine);
  request.set_validate_only(validate);
  v1::CleanMachineResponse response;
  REQUIRE_OK(leftovers::CleanMachine(
      stage.resources(), request, [](store::Transaction&, const auto&) { return absl::OkStatus(); },
      &response));
  return response;
}

void CheckNothingIsLeft(Stage& stage, const std::string& machine) {
  INFO(machine);
  const auto& root = stage.host(machine).root();
  for (const char* path : {"opt/dm", "home/dm", "var/lib/dmgr/clusters", "var/lib/dmgr/shared",
                           ".dmgr", "etc/systemd/system/dm-master-18261.service"}) {
    INFO(path);
    CHECK_FALSE(root.Exists(path));
  }
}

TEST_CASE("a destroy by force remembers what a lost machine has, and cleaning removes it",
          "[runners]") {
  Lost play;
  const auto before = play.stage.Look().hosts.at("m3");
  play.stage.Lose("m3");
  auto request = About<v1::DestroyClusterRequest>();
  const auto refused = operations::DestroyCluster(play.stage.resources(), request, kSomebody);
  CHECK(Reason(refused.status()) == "HOSTS_NOT_READY");
  CHECK_THAT(std::string(Message(refused.status())), Catch::Contains("m3"));
  request.set_force(true);
  std::set<std::string> runners;
  Rehearse(&play.stage, play.By(operations::DestroyCluster, request), &runners);
  CHECK(runners.contains("control.erase"));
  CheckNothingIsLeft(play.stage, "m1");
  CheckNothingIsLeft(play.stage, "m2");
  CHECK(play.stage.Look().hosts.at("m3") == before);
  CHECK(LeftOn(play.stage, "m1").empty());
  CHECK(LeftOn(play.stage, "m3").size() == 2);
  // Name and machines are free; the one with something on it only by force.
  const auto remove = [&](const std::string& machine, bool force) {
    return play.stage.database().Transact(
        [&](store::Transaction& tx) { return store::DeleteMachine(tx, machine, force); });
  };
  CHECK(Reason(remove("m3", false)) == "MACHINE_HAS_LEFTOVERS");

  play.stage.Recover("m3");
  const auto shown = Clean(play.stage, "m3", /*validate=*/true);
  REQUIRE(shown.cleaned_size() == 1);
  CHECK(shown.cleaned(0).removed_size() >= 4);
  CHECK(LeftOn(play.stage, "m3").size() == 2);
  const auto cleaned = Clean(play.stage, "m3");
  REQUIRE(cleaned.cleaned_size() == 1);
  CHECK(cleaned.cleaned(0).kept().empty());
  CheckNothingIsLeft(play.stage, "m3");
  CHECK(LeftOn(play.stage, "m3").empty());
  CHECK(Clean(play.stage, "m3").cleaned().empty());
  REQUIRE_OK(remove("m3", false));
}

TEST_CASE("what a scale-in left is cleaned, and nothing of a cluster that is there by now",
          "[runners]") {
  Lost play;
  play.stage.Lose("m3");
  auto leaving = About<v1::ScaleInClusterRequest>();
  leaving.mutable_selection()->add_nodes("10.0.0.3:18262");
  leaving.set_force(true);
  Perform(&play.stage, play.By(operations::ScaleInCluster, leaving));
  REQUIRE(LeftOn(play.stage, "m3").size() == 1);
  play.stage.Recover("m3");
  const auto& root = play.stage.host("m3").root();
  REQUIRE(root.Exists("etc/systemd/system/dm-worker-18262.service"));
  const auto cleaned = Clean(play.stage, "m3");
  REQUIRE(cleaned.cleaned_size() == 1);
  // The dm-master of the same cluster stays, with what it needs.
  CHECK(cleaned.cleaned(0).kept_size() == 1);
  CHECK_FALSE(root.Exists("etc/systemd/system/dm-worker-18262.service"));
  CHECK(root.Exists("etc/systemd/system/dm-master-18261.service"));
  CHECK(root.Exists("home/dm/.ssh/authorized_keys"));
  CHECK(LeftOn(play.stage, "m3").empty());
}

TEST_CASE("what was left on a machine goes with the cluster", "[runners]") {
  Lost play;
  play.stage.Lose("m3");
  auto leaving = About<v1::ScaleInClusterRequest>();
  leaving.mutable_selection()->add_nodes("10.0.0.3:18262");
  leaving.set_force(true);
  Perform(&play.stage, play.By(operations::ScaleInCluster, leaving));
  play.stage.Recover("m3");
  Perform(&play.stage, play.By(operations::DestroyCluster, About<v1::DestroyClusterRequest>()));
  CheckNothingIsLeft(play.stage, "m3");
  CHECK(LeftOn(play.stage, "m3").empty());
}

// The operation fails before its step of this number, and is abandoned. False: it has no such step.
bool AbandonAt(Stage& stage, const Ask& ask, int number) {
  const auto operation = ask();
  REQUIRE_OK(operation.status());
  ClaimedOperation run(&stage);
  for (int done = 0; done < number; ++done) {
    store::StepRecord* step = run.Next();
    if (step == nullptr) break;
    run.Begin(*step);
    run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
  }
  const bool is_last = run.Next() == nullptr;
  run.End(is_last ? v1::OPERATION_STATE_SUCCEEDED : v1::OPERATION_STATE_FAILED);
  if (is_last) return false;
  REQUIRE_OK(stage.database().Transact(
      [&](store::Transaction& tx) { return store::Abandon(tx, operation->operation_id()); }));
  return true;
}

v1::ScaleOutClusterRequest OneMoreWorker() {
  auto request = About<v1::ScaleOutClusterRequest>();
  auto* worker = request.mutable_topology()->add_worker_servers();
  worker->mutable_placement()->set_host("10.0.0.3");
  worker->set_port(28262);
  return request;
}

v1::ScaleInClusterRequest OneWorkerLess() {
  auto request = About<v1::ScaleInClusterRequest>();
  request.mutable_selection()->add_nodes("10.0.0.3:18262");
  return request;
}

v1::MoveMachineRequest ToFourth() {
  auto request = About<v1::MoveMachineRequest>();
  request.set_from_machine_id("m3");
  request.set_to_machine_id("m4");
  return request;
}

v1::UpgradeClusterRequest Newer() {
  auto request = About<v1::UpgradeClusterRequest>();
  request.set_version("v7.5.2");
  return request;
}

bool IsThere(Stage& stage) {
  return stage.database()
      .Read([](store::Transaction& tx) { return store::GetCluster(tx, kLost).status(); })
      .ok();
}

TEST_CASE("whatever an abandoned operation left, one destroy leads out of it", "[runners][walk]") {
  Lost play;
  play.stage.AddPackage("v7.5.2");
  const std::vector<std::pair<std::string, Ask>> kinds = {
      {"deploy", play.Deploying()},
      {"start", play.Starting()},
      {"stop", play.By(operations::StopCluster, About<v1::StopClusterRequest>())},
      {"restart", play.By(operations::RestartCluster, About<v1::RestartClusterRequest>())},
      {"upgrade", play.By(operations::UpgradeCluster, Newer())},
      {"rotate-key", play.By(operations::RotateClusterKey, About<v1::RotateClusterKeyRequest>())},
      {"scale-out", play.By(operations::ScaleOutCluster, OneMoreWorker())},
      {"scale-in", play.By(operations::ScaleInCluster, OneWorkerLess())},
      {"move", play.By(operations::MoveMachine, ToFourth())},
      {"destroy", play.Destroying()}};
  const bool machine_dies = GENERATE(false, true);
  for (const auto& [kind, ask] : kinds) {
    // Some of the places at which it may fail, the first and late ones among them.
    for (int number = 0, more = true; more; number += 4) {
      INFO(kind << " fails before step " << number << (machine_dies ? ", m3 dies" : ""));
      if (IsThere(play.stage)) Perform(&play.stage, play.Destroying());
      if (kind != "deploy") Perform(&play.stage, play.Deploying());
      if (kind != "deploy" && kind != "start") Perform(&play.stage, play.Starting());
      more = AbandonAt(play.stage, ask, number);
      if (!more) continue;
      if (machine_dies) play.stage.Lose("m3");
      Perform(&play.stage, play.Destroying());
      CHECK_FALSE(IsThere(play.stage));
      if (machine_dies) {
        play.stage.Recover("m3");
        Clean(play.stage, "m3");
      }
      for (const char* machine : {"m1", "m2", "m3", "m4"}) {
        CheckNothingIsLeft(play.stage, machine);
        CHECK(LeftOn(play.stage, machine).empty());
      }
    }
  }
}

}  // namespace
}  // namespace dmgr::test
