// A cluster that another tool has laid on its hosts: taken over, used, given back.
#include "server/operations/import/import.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/rename/rename.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/verify/verify.h"
#include "server/warehouse/warehouse.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/operations/tiup_hosts.h"

namespace dmgr::test {
namespace {

Ask Releasing(Stage& stage) {
  return [&stage] {
    v1::ReleaseClusterRequest request;
    request.set_cluster_name(kForeign);
    return operations::ReleaseCluster(stage.resources(), request, kImporter);
  };
}

Ask Stopping(Stage& stage) {
  return [&stage] {
    v1::StopClusterRequest request;
    request.set_cluster_name(kForeign);
    return operations::StopCluster(stage.resources(), request, kImporter);
  };
}

// What TiUP had as a file of that path, where dmgr has set it aside.
std::string AsideOf(const TempRoot& root, const std::string& path) {
  const std::filesystem::path full = root / path;
  const std::string begin = full.filename().string() + ".tiup-";
  for (const auto& entry : std::filesystem::directory_iterator(full.parent_path())) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(begin)) {
      return root.Read(std::filesystem::path(path).parent_path() / name);
    }
  }
  return "";
}

// What is on the hosts and runs there.
Scene HostsOf(Stage& stage) {
  Scene scene = stage.Look();
  scene.control.clear();
  scene.record.clear();
  scene.members.clear();
  return scene;
}

TEST_CASE("a cluster of TiUP is recorded as it was found, and nothing of it changes", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  std::filesystem::remove(stage.host("m1").root() / "run/units/grafana-13000.service");
  std::filesystem::remove(stage.host("m3").root() /
                          "etc/systemd/system/multi-user.target.wants/dm-worker-18262.service");
  Perform(&stage, Importing(stage));
  Perform(&stage, Releasing(stage));
  const Scene before = HostsOf(stage);
  Perform(&stage, Importing(stage));
  CHECK(Difference(before, HostsOf(stage)) == "");

  const auto record = Recorded(stage);
  CHECK(record.origin == v1::CLUSTER_ORIGIN_TIUP);
  CHECK(record.state == v1::CLUSTER_STATE_UP);
  CHECK(record.cluster.skip_create_user);
  for (const auto& instance : record.cluster.instances) {
    INFO(instance.name);
    CHECK(instance.wanted_running == (instance.port != 13000));
    CHECK(instance.wanted_enabled == (instance.name != "worker-3"));
    if (instance.IsDm()) {
      CHECK(instance.data_dir ==
            "/opt/dm/data/" + instance.Unit().substr(0, instance.Unit().rfind('.')));
    }
  }
}

TEST_CASE("the steps of an import, a takeover and a release", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  // DM has its members from now on.
  Perform(&stage, Importing(stage));
  Perform(&stage, Releasing(stage));
  std::set<std::string> runners;
  Rehearse(&stage, Importing(stage), &runners);
  Rehearse(&stage, TakingOver(stage), &runners);
  Rehearse(&stage, Releasing(stage), &runners);
  // What dmgr left is as TiUP's.
  Perform(&stage, Importing(stage));
  Perform(&stage, Stopping(stage));
  Rehearse(&stage, TakingOver(stage), &runners);
  Perform(&stage, Releasing(stage));
  for (const auto& name : RunnersOfImport()) {
    INFO(name);
    CHECK(runners.contains(name));
  }
  CHECK(absl::IsNotFound(clusters::FindCluster(stage.resources(), kForeign).status()));
}

TEST_CASE("what is TiUP's is started and stopped, and not rewritten", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  Perform(&stage, Importing(stage));
  v1::StopClusterRequest stop;
  stop.set_cluster_name(kForeign);
  Perform(&stage, [&] { return operations::StopCluster(stage.resources(), stop, kImporter); });
  CHECK(stage.host("m2").Running().empty());
  v1::StartClusterRequest start;
  start.set_cluster_name(kForeign);
  Perform(&stage, [&] { return operations::StartCluster(stage.resources(), start, kImporter); });
  CHECK(stage.host("m2").Running().size() == 2);
  start.set_skip_unreachable(true);
  CHECK(Reason(operations::StartCluster(stage.resources(), start, kImporter).status()) ==
        "CLUSTER_IS_FOREIGN");

  v1::UpgradeClusterRequest upgrade;
  upgrade.set_cluster_name(kForeign);
  upgrade.set_version("v7.5.1");
  CHECK(Reason(operations::UpgradeCluster(stage.resources(), upgrade, kImporter).status()) ==
        "CLUSTER_IS_FOREIGN");
  v1::DestroyClusterRequest destroy;
  destroy.set_cluster_name(kForeign);
  CHECK(Reason(operations::DestroyCluster(stage.resources(), destroy, kImporter).status()) ==
        "CLUSTER_IS_FOREIGN");
}

TEST_CASE("a cluster that was taken over is changed as any other", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  const TempRoot& root = stage.host("m2").root();
  const std::string worker = "opt/dm/deploy/dm-worker-18262/";
  const std::string script = worker + "scripts/run_dm-worker.sh";
  const std::string program = worker + "bin/dm-worker/dm-worker";
  const std::string unit = "etc/systemd/system/dm-worker-18262.service";
  const std::string own_script = root.Read(script);
  const std::string own_unit = root.Read(unit);
  Perform(&stage, Importing(stage));
  Perform(&stage, TakingOver(stage));
  CHECK(Recorded(stage).origin == v1::CLUSTER_ORIGIN_TAKEN_OVER);
  CHECK(Reason(TakingOver(stage)().status()) == "CLUSTER_IS_OWN");
  CHECK_THAT(root.Read(script), Catch::Contains("bin/dm-worker/dm-worker"));
  CHECK(root.Read(script) != own_script);
  CHECK(AsideOf(root, script) == own_script);
  CHECK(AsideOf(root, unit) == own_unit);
  CHECK(AsideOf(root, program) == "TiUP's dm-worker");
  CHECK(stage.host("m2").Running().size() == 2);
  const auto verified = verify::VerifyCluster(stage.resources(), kForeign);
  REQUIRE_OK(verified.status());
  for (const auto& difference : verified->differences()) {
    INFO(difference.ShortDebugString());
    // Here no Prometheus scrapes anything.
    CHECK(difference.repairable() == (difference.kind() == v1::DIFFERENCE_KIND_TARGET_MISSING));
  }

  stage.AddPackage("v7.5.2");
  const std::string taken = root.Read(program);
  Perform(&stage, [&] {
    v1::UpgradeClusterRequest upgrade;
    upgrade.set_cluster_name(kForeign);
    upgrade.set_version("v7.5.2");
    return operations::UpgradeCluster(stage.resources(), upgrade, kImporter);
  });
  const std::string upgraded = root.Read(program);
  CHECK(upgraded != taken);
  Perform(&stage, Releasing(stage));
  CHECK(root.Read(program) == upgraded);
  CHECK(AsideOf(root, program) == "TiUP's dm-worker");
  CHECK(stage.host("m2").Running().size() == 2);
}

TEST_CASE("a cluster of TiUP is imported without a package and not taken over", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  const auto remove = [&] {
    return warehouse::Warehouse(&stage.resources())
        .Delete("v7.5.1", [](store::Transaction&, const google::protobuf::Message&) {
          return absl::OkStatus();
        });
  };
  REQUIRE_OK(remove());
  Perform(&stage, Importing(stage));
  Perform(&stage, Stopping(stage));
  const absl::Status refused = TakingOver(stage)().status();
  CHECK(Reason(refused) == "PACKAGE_NOT_FOUND");
  CHECK_THAT(std::string(Message(refused)), Catch::Contains("v7.5.1") && Catch::Contains(kForeign));
  CHECK(Recorded(stage).origin == v1::CLUSTER_ORIGIN_TIUP);
  // dmgr's own clusters keep theirs.
  stage.AddPackage("v7.5.1");
  Perform(&stage, TakingOver(stage));
  CHECK(Reason(remove()) == "PACKAGE_IN_USE");
}

TEST_CASE("a takeover leaves the files of all instances for people to read", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  Perform(&stage, Importing(stage));
  const std::filesystem::path dir = ClusterDir(Recorded(stage).cluster.cluster_path, kForeign);
  CHECK_FALSE(std::filesystem::exists(dir / "v7.5.1"));
  Perform(&stage, TakingOver(stage));
  CHECK(std::filesystem::exists(dir / "v7.5.1/conf/dm-worker.toml"));
  CHECK(std::filesystem::exists(dir / "cache/worker-2+scripts+run_dm-worker.sh"));
}

TEST_CASE("what root does not have run as the cluster's user is not taken over", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  const TempRoot& root = stage.host("m2").root();
  root.Write("etc/systemd/system/dm-worker-18262.service",
             "[Service]\nUser=tidb\nUser=postgres\nExecStart=/bin/bash -c "
             "'/opt/dm/deploy/dm-worker-18262/scripts/run_dm-worker.sh'\n");
  Perform(&stage, Importing(stage));
  const absl::Status failed = PerformToFailure(&stage, TakingOver(stage));
  CHECK(Reason(failed) == "HOST_CONFLICT");
  CHECK_THAT(std::string(Message(failed)), Catch::Contains("does not have worker-2 run as tidb"));
}

TEST_CASE("a cluster of TiUP is verified by what runs, not by its files", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  Perform(&stage, Importing(stage));
  std::filesystem::remove(stage.host("m3").root() / "run/units/dm-worker-18262.service");
  const auto verified = verify::VerifyCluster(stage.resources(), kForeign);
  REQUIRE_OK(verified.status());
  int stopped = 0;
  for (const auto& difference : verified->differences()) {
    INFO(difference.ShortDebugString());
    CHECK_FALSE(difference.repairable());
    CHECK(difference.kind() != v1::DIFFERENCE_KIND_FILE_CONTENT);
    if (difference.kind() != v1::DIFFERENCE_KIND_NOT_RUNNING) continue;
    ++stopped;
    CHECK(difference.instance_name() == "worker-3");
    REQUIRE(difference.next_actions_size() == 1);
    CHECK(difference.next_actions(0).action() == v1::ACTION_START_CLUSTER);
  }
  CHECK(stopped == 1);
}

TEST_CASE("an import fails with all that a host shows otherwise", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  const TempRoot& root = stage.host("m2").root();
  std::filesystem::remove(root / "opt/dm/deploy/dm-worker-18262/scripts/run_dm-worker.sh");
  root.Write("etc/systemd/system/dm-master-18261.service", "[Service]\nExecStart=/bin/true\n");
  const absl::Status failed = PerformToFailure(&stage, Importing(stage));
  CHECK(Reason(failed) == "FOREIGN_NOT_AS_SAID");
  CHECK_THAT(std::string(Message(failed)),
             Catch::Contains("no run script /opt/dm/deploy/dm-worker-18262") &&
                 Catch::Contains("dm-master-18261.service does not run") && Catch::Contains("m2"));
}

TEST_CASE("an import fails when DM has other members than the topology", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  topology::Instance stranger;
  stranger.name = "stranger";
  stranger.component = topology::Component::kDmWorker;
  stranger.machine_id = "m3";
  stranger.host = "10.0.0.3";
  stranger.port = 28262;
  stage.members().Add(stranger);
  const absl::Status failed = PerformToFailure(&stage, Importing(stage));
  CHECK(Reason(failed) == "FOREIGN_NOT_AS_SAID");
  CHECK_THAT(std::string(Message(failed)), Catch::Contains("stranger"));
}

TEST_CASE("a cluster that dmgr has laid is not released", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  Perform(&stage, Importing(stage));
  REQUIRE_OK(stage.database().Transact([](store::Transaction& tx) {
    return store::SetClusterState(tx, kForeign, v1::CLUSTER_STATE_UP);
  }));
  const std::string own = "UPDATE cluster_meta SET origin = 'UNSPECIFIED'";
  Sql(stage.dsn(), own);
  CHECK(Reason(Releasing(stage)().status()) == "CLUSTER_NOT_FOREIGN");
}

}  // namespace
}  // namespace dmgr::test
