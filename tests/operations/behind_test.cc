// Operations while a machine does not answer, and what becomes of it when it does again.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/repair/repair.h"
#include "server/operations/restart/restart.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kBob{"bob"};
constexpr char kName[] = "dm-test";

using Units = std::set<std::string>;

// A cluster on m1 to m3 that runs; one of two dm-workers has a source.
class Fleet {
 public:
  Fleet() {
    auto deploy = For<v1::DeployClusterRequest>();
    deploy.set_version("v7.5.1");
    deploy.set_user_login(true);
    *deploy.mutable_topology() = SampleTopology();
    Do(operations::DeployCluster, deploy);
    Do(operations::StartCluster, For<v1::StartClusterRequest>());
    stage.members().Bind("mysql-1", "worker-2");
  }

  template <typename Request>
  static Request For(bool skip = false) {
    Request request;
    request.set_cluster_name(kName);
    if constexpr (requires { request.set_skip_unreachable(true); }) {
      request.set_skip_unreachable(skip);
    }
    return request;
  }
  template <typename Request>
  using Callee = absl::StatusOr<v1::Operation> (*)(const Resources&, const Request&, const Caller&);

  // Through all of its steps.
  template <typename Request>
  void Do(Callee<Request> call, const Request& request) {
    Perform(&stage, [&] { return call(stage.resources(), request, kBob); });
  }
  // Refused, since a host does not answer that may be left out; nothing is stored.
  template <typename Request>
  void IsRefused(Callee<Request> call, const Request& request) {
    const std::string before = stage.LookAtRecord();
    const absl::Status refused = call(stage.resources(), request, kBob).status();
    CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Reason(refused) == "HOSTS_UNREACHABLE");
    CHECK_THAT(std::string(Message(refused)), Catch::Contains("m3"));
    CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("leave it out"));
    const auto next = NextActionsOf(refused);
    REQUIRE_FALSE(next.empty());
    CHECK(next[0].arguments().at("skip_unreachable") == "true");
    CHECK(next[0].arguments().at("cluster_name") == kName);
    CHECK(stage.LookAtRecord() == before);
  }
  // Begins, comes so far that `steps` of it have succeeded, and fails.
  template <typename Request>
  void Fail(Callee<Request> call, const Request& request, int steps) {
    REQUIRE_OK(call(stage.resources(), request, kBob).status());
    ClaimedOperation run(&stage);
    for (int i = 0; i < steps; ++i) {
      store::StepRecord* step = run.Next();
      REQUIRE(step != nullptr);
      INFO("step " << step->step.step_id());
      run.Begin(*step);
      run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
    }
    run.End(v1::OPERATION_STATE_FAILED);
  }

  store::ClusterRecord Record() {
    return store::Get(stage.database(),
                      [](store::Transaction& tx) { return store::GetCluster(tx, kName); });
  }
  std::set<std::string> Behind() {
    std::set<std::string> machines;
    for (const auto& one : Record().behind) machines.insert(one.machine_id());
    return machines;
  }

  Stage stage;
};

const Units& AllOfM3() {
  static const Units kUnits = {"dm-master-18261.service", "dm-worker-18262.service"};
  return kUnits;
}

TEST_CASE("a machine that was left out of a stop is behind until a start reaches it", "[runners]") {
  Fleet fleet;
  fleet.stage.Lose("m3");
  fleet.IsRefused(operations::StopCluster, Fleet::For<v1::StopClusterRequest>());
  fleet.Do(operations::StopCluster, Fleet::For<v1::StopClusterRequest>(true));
  CHECK(fleet.stage.host("m1").Running().empty());
  CHECK(fleet.Behind() == std::set<std::string>{"m3"});
  CHECK(fleet.Record().state == v1::CLUSTER_STATE_OFFLINE);
  for (const auto& instance : fleet.Record().cluster.instances) {
    CHECK_FALSE(instance.wanted_running);
  }
  // Started without it, then with it.
  fleet.IsRefused(operations::StartCluster, Fleet::For<v1::StartClusterRequest>());
  fleet.Do(operations::StartCluster, Fleet::For<v1::StartClusterRequest>(true));
  CHECK(fleet.stage.host("m2").Running() == AllOfM3());
  CHECK(fleet.Behind() == std::set<std::string>{"m3"});
  fleet.stage.Recover("m3");
  fleet.Do(operations::StartCluster, Fleet::For<v1::StartClusterRequest>());
  CHECK(fleet.stage.host("m3").Running() == AllOfM3());
  CHECK(fleet.Behind().empty());
}

TEST_CASE("what was away while the cluster got another key has it after a repair, and only it",
          "[runners]") {
  Fleet fleet;
  const auto& root = fleet.stage.host("m3").root();
  const std::string path = "home/dm/.ssh/authorized_keys";
  const std::string old = root.Read(path);
  fleet.stage.Lose("m3");
  fleet.IsRefused(operations::RotateClusterKey, Fleet::For<v1::RotateClusterKeyRequest>());
  // One that fails is taken over; of two new keys the last one counts.
  fleet.Fail(operations::RotateClusterKey, Fleet::For<v1::RotateClusterKeyRequest>(true), 3);
  fleet.Do(operations::RotateClusterKey, Fleet::For<v1::RotateClusterKeyRequest>(true));
  const std::string key = "restrict,pty " + fleet.Record().public_key + "\n";
  CHECK(fleet.stage.host("m1").root().Read(path) == key);
  CHECK(fleet.stage.host("m2").root().Read(path) == key);
  CHECK(root.Read(path) == old);
  CHECK(fleet.Behind() == std::set<std::string>{"m3"});
  fleet.stage.Recover("m3");
  fleet.Do(operations::RepairCluster, Fleet::For<v1::RepairClusterRequest>());
  CHECK(root.Read(path) == key);
  CHECK(fleet.Behind().empty());
}

TEST_CASE("a repair takes away what earlier versions gave the cluster's user", "[runners]") {
  Fleet fleet;
  const auto& root = fleet.stage.host("m1").root();
  const std::string file = "etc/sudoers.d/dmgr-dm";
  const std::string record = "var/lib/dmgr/shared/account-dm/made";
  CHECK_FALSE(root.Exists(file));
  root.Write(file, "dm ALL=(ALL) NOPASSWD: ALL\n", 0440);
  root.Write(record, root.Read(record) + "sudoers\n", 0600);
  fleet.Do(operations::RepairCluster, Fleet::For<v1::RepairClusterRequest>());
  CHECK_FALSE(root.Exists(file));
}

TEST_CASE("what was left out of an upgrade gets it by a repair, a patch by the next operation",
          "[runners]") {
  Fleet fleet;
  fleet.stage.AddPackage("v7.5.2");
  auto upgrade = Fleet::For<v1::UpgradeClusterRequest>();
  upgrade.set_version("v7.5.2");
  const auto& root = fleet.stage.host("m3").root();
  const std::string program = "opt/dm/deploy/dm-worker-18262/bin/dm-worker";
  const std::string old = root.Read(program);
  fleet.stage.Lose("m3");
  fleet.IsRefused(operations::UpgradeCluster, upgrade);
  upgrade.set_skip_unreachable(true);
  fleet.Do(operations::UpgradeCluster, upgrade);
  CHECK(fleet.Record().cluster.version == "v7.5.2");
  fleet.stage.Recover("m3");
  fleet.Do(operations::RepairCluster, Fleet::For<v1::RepairClusterRequest>());
  CHECK(root.Read(program) == fleet.stage.host("m2").root().Read(program));
  CHECK(root.Read(program) != old);
  CHECK(fleet.stage.host("m3").Running() == AllOfM3());
  CHECK(fleet.Behind().empty());

  fleet.stage.Lose("m3");
  auto patch = Fleet::For<v1::PatchClusterRequest>();
  patch.set_patch_id(fleet.stage.AddWorkerPatch());
  fleet.IsRefused(operations::PatchCluster, patch);
  patch.set_skip_unreachable(true);
  fleet.Do(operations::PatchCluster, patch);
  CHECK(fleet.Behind() == std::set<std::string>{"m3"});
  fleet.stage.Recover("m3");
  fleet.Do(operations::RestartCluster, Fleet::For<v1::RestartClusterRequest>());
  CHECK(root.Read(program) == fleet.stage.host("m2").root().Read(program));
  CHECK(fleet.Behind().empty());
}

TEST_CASE("units of a machine that was left out are disabled when it is repaired", "[runners]") {
  Fleet fleet;
  fleet.stage.Lose("m3");
  fleet.IsRefused(operations::DisableCluster, Fleet::For<v1::DisableClusterRequest>());
  fleet.Do(operations::DisableCluster, Fleet::For<v1::DisableClusterRequest>(true));
  const std::string link = "etc/systemd/system/multi-user.target.wants/dm-worker-18262.service";
  const auto is_enabled = [&] {
    return std::filesystem::is_symlink(fleet.stage.host("m3").root() / link);
  };
  CHECK(is_enabled());
  fleet.stage.Recover("m3");
  fleet.Do(operations::RepairCluster, Fleet::For<v1::RepairClusterRequest>());
  CHECK_FALSE(is_enabled());
}

TEST_CASE("a majority of dm-masters that is lost is said before anything changes", "[runners]") {
  Fleet fleet;
  fleet.stage.Lose("m2");
  fleet.stage.Lose("m3");
  for (const absl::Status& refused :
       {operations::StartCluster(fleet.stage.resources(), Fleet::For<v1::StartClusterRequest>(true),
                                 kBob)
            .status(),
        operations::RestartCluster(fleet.stage.resources(),
                                   Fleet::For<v1::RestartClusterRequest>(true), kBob)
            .status()}) {
    CHECK(Reason(refused) == "DM_QUORUM");
    CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("rebuild"));
    const auto next = NextActionsOf(refused);
    REQUIRE(next.size() == 1);
    CHECK(next[0].action() == v1::ACTION_REBUILD_CLUSTER);
  }
  // What needs no majority is done.
  fleet.Do(operations::StopCluster, Fleet::For<v1::StopClusterRequest>(true));
  CHECK(fleet.Behind() == std::set<std::string>{"m2", "m3"});
}

TEST_CASE("dm-workers come to a cluster with a machine that does not answer", "[runners]") {
  Fleet fleet;
  fleet.stage.Lose("m3");
  auto request = Fleet::For<v1::ScaleOutClusterRequest>();
  auto* worker = request.mutable_topology()->add_worker_servers();
  worker->mutable_placement()->set_host("10.0.0.1");
  worker->set_port(28262);
  fleet.Do(operations::ScaleOutCluster, request);
  CHECK(fleet.stage.host("m1").Runs("dm-worker-28262.service"));
  CHECK(fleet.Behind() == std::set<std::string>{"m3"});
}

TEST_CASE("a dead dm-master of a stopped cluster leaves after a start of what lives", "[runners]") {
  Fleet fleet;
  fleet.Do(operations::StopCluster, Fleet::For<v1::StopClusterRequest>());
  fleet.stage.Lose("m3");
  auto leave = Fleet::For<v1::ScaleInClusterRequest>();
  leave.mutable_selection()->add_nodes("10.0.0.3:18261");
  leave.set_force(true);
  const auto refused = operations::ScaleInCluster(fleet.stage.resources(), leave, kBob).status();
  CHECK(Reason(refused) == "DM_NOT_HEALTHY");
  const auto next = NextActionsOf(refused);
  REQUIRE(next.size() == 1);
  CHECK(next[0].action() == v1::ACTION_START_CLUSTER);
  CHECK(next[0].arguments().at("skip_unreachable") == "true");
  fleet.Do(operations::StartCluster, Fleet::For<v1::StartClusterRequest>(true));
  fleet.Do(operations::ScaleInCluster, leave);
  CHECK(fleet.Record().cluster.Of(topology::Component::kDmMaster).size() == 2);
}

TEST_CASE("what failed in the middle since a machine died is taken over without it", "[runners]") {
  Fleet fleet;
  fleet.Fail(operations::StopCluster, Fleet::For<v1::StopClusterRequest>(), 4);
  fleet.stage.Lose("m3");
  // Whatever else would be done must not lose that it can be resumed.
  CHECK(Reason(operations::StartCluster(fleet.stage.resources(),
                                        Fleet::For<v1::StartClusterRequest>(), kBob)
                   .status()) == "CLUSTER_BUSY");
  fleet.Do(operations::StartCluster, Fleet::For<v1::StartClusterRequest>(true));
  CHECK(fleet.stage.host("m2").Running() == AllOfM3());
}

TEST_CASE("a repair brings a half done upgrade back to the record", "[runners]") {
  Fleet fleet;
  fleet.stage.AddPackage("v7.5.2");
  const Scene before = fleet.stage.Look();
  auto upgrade = Fleet::For<v1::UpgradeClusterRequest>();
  upgrade.set_version("v7.5.2");
  fleet.Fail(operations::UpgradeCluster, upgrade, 12);
  fleet.Do(operations::RepairCluster, Fleet::For<v1::RepairClusterRequest>());
  const Scene after = fleet.stage.Look();
  for (const char* machine : {"m1", "m2", "m3"}) {
    INFO(machine);
    CHECK(testing::Difference(before.hosts.at(machine), after.hosts.at(machine)) == "");
    CHECK(before.running.at(machine) == after.running.at(machine));
  }
  // The way on is free.
  fleet.Do(operations::UpgradeCluster, upgrade);
}

}  // namespace
}  // namespace dmgr::test
