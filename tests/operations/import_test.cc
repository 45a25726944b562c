// A cluster that another tool has laid on its hosts: taken over, used, given back.
#include "server/operations/import/import.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "server/certificates/cluster.h"
#include "server/clusters/record.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/rename/rename.h"
#include "server/operations/rotate_tls/rotate_tls.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/verify/verify.h"
#include "server/warehouse/warehouse.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kImporter{"alice"};
constexpr char kForeign[] = "dm-tiup";

// The names, ports and directories that TiUP would have filled in.
v1::Topology TiupTopology() {
  v1::Topology topology = SampleTopology();
  // A host's own user.
  topology.mutable_global()->set_user("tidb");
  return topology;
}

// To that user, of those that a host has.
void Give(const std::string& dir) {
  if (geteuid() != 0) return;
  constexpr uid_t kTidb = 4201;
  REQUIRE(chown(dir.c_str(), kTidb, kTidb) == 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    REQUIRE(lchown(entry.path().c_str(), kTidb, kTidb) == 0);
  }
}

void LayOne(const StandInHost& host, const std::string& component, std::uint32_t port) {
  const std::string unit = component + "-" + std::to_string(port);
  const std::string deploy = "opt/dm/deploy/" + unit;
  const std::string script = deploy + "/scripts/run_" + component + ".sh";
  const TempRoot& root = host.root();
  for (const char* dir : {"/bin", "/conf", "/log"}) {
    std::filesystem::create_directories(root / deploy + dir);
  }
  std::filesystem::create_directories(root / ("opt/dm/data/" + unit));
  root.Write(script, "#!/bin/bash\nexec bin/" + component + "/" + component + "\n", 0755);
  const std::string program = deploy + "/bin/" + component + "/" + component;
  root.Write(program, "TiUP's " + component, 0755);
  Give(root / deploy);
  Give(root / ("opt/dm/data/" + unit));
  const std::string systemd = "etc/systemd/system/";
  root.Write(systemd + unit + ".service",
             "[Service]\nUser=tidb\nExecStart=/bin/bash -c '/" + script + "'\n");
  std::filesystem::create_symlink("/" + systemd + unit + ".service",
                                  root / systemd + "multi-user.target.wants/" + unit + ".service");
  // Of a start of its own, which no later one is taken for.
  root.Write("run/units/" + unit + ".service", "1000\n");
}

void LayAsTiup(const Stage& stage) {
  for (const char* machine : {"m1", "m2", "m3"}) LayOne(stage.host(machine), "dm-master", 18261);
  for (const char* machine : {"m2", "m3"}) LayOne(stage.host(machine), "dm-worker", 18262);
  LayOne(stage.host("m1"), "prometheus", 19090);
  LayOne(stage.host("m1"), "alertmanager", 19093);
  LayOne(stage.host("m1"), "grafana", 13000);
}

Ask Importing(Stage& stage) {
  return [&stage] {
    v1::ImportClusterRequest request;
    request.set_cluster_name(kForeign);
    request.set_version("v7.5.1");
    *request.mutable_topology() = TiupTopology();
    return operations::ImportCluster(stage.resources(), request, kImporter);
  };
}

Ask Releasing(Stage& stage) {
  return [&stage] {
    v1::ReleaseClusterRequest request;
    request.set_cluster_name(kForeign);
    return operations::ReleaseCluster(stage.resources(), request, kImporter);
  };
}

Ask TakingOver(Stage& stage) {
  return [&stage] {
    v1::TakeOverClusterRequest request;
    request.set_cluster_name(kForeign);
    return operations::TakeOverCluster(stage.resources(), request, kImporter);
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

store::ClusterRecord Recorded(Stage& stage) {
  auto record = clusters::FindCluster(stage.resources(), kForeign);
  REQUIRE_OK(record.status());
  return *std::move(record);
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

// What TiUP has in its folder tls.
v1::TiupTls SampleTiupTls() {
  topology::Cluster cluster;
  cluster.name = "theirs";
  const auto made = certificates::MakeTls(cluster, absl::Now());
  REQUIRE_OK(made.status());
  v1::TiupTls tls;
  tls.set_ca_certificate(made->tls.issuer);
  tls.set_ca_key(made->secrets.issuer_key);
  tls.set_client_certificate(made->secrets.own.certificate);
  tls.set_client_key(made->secrets.own.key);
  return tls;
}

TEST_CASE("a cluster of TiUP with TLS goes on with its CA", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("v7.5.1");
  *request.mutable_topology() = TiupTopology();
  request.mutable_topology()->mutable_global()->set_enable_tls(true);
  const Ask importing = [&] {
    return operations::ImportCluster(stage.resources(), request, kImporter);
  };
  CHECK(Reason(importing().status()) == "INVALID_ARGUMENT");
  *request.mutable_tls() = SampleTiupTls();
  Perform(&stage, importing);
  v1::ExportTiupTlsRequest asked;
  asked.set_cluster_name(kForeign);
  auto exported = operations::ExportTiupTls(stage.resources(), asked);
  REQUIRE_OK(exported.status());
  CHECK(exported->tls().SerializeAsString() == request.tls().SerializeAsString());

  Perform(&stage, TakingOver(stage));
  const TempRoot& root = stage.host("m1").root();
  const std::string folder = "opt/dm/deploy/dm-master-18261/tls/";
  CHECK(root.Read(folder + "ca.crt") == request.tls().ca_certificate());
  const std::string certificate = root.Read(folder + "dm-master.crt");
  v1::RotateClusterTlsRequest rotate;
  rotate.set_cluster_name(kForeign);
  Perform(&stage,
          [&] { return operations::RotateClusterTls(stage.resources(), rotate, kImporter); });
  CHECK(root.Read(folder + "ca.crt") == request.tls().ca_certificate());
  CHECK(root.Read(folder + "dm-master.crt") != certificate);
  exported = operations::ExportTiupTls(stage.resources(), asked);
  REQUIRE_OK(exported.status());
  CHECK(exported->tls().ca_key() == request.tls().ca_key());
  CHECK(exported->tls().client_certificate() != request.tls().client_certificate());
}

TEST_CASE("a cluster of TiUP without TLS has no CA", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("v7.5.1");
  *request.mutable_topology() = TiupTopology();
  *request.mutable_tls() = SampleTiupTls();
  CHECK(Reason(operations::ImportCluster(stage.resources(), request, kImporter).status()) ==
        "INVALID_ARGUMENT");
  Perform(&stage, Importing(stage));
  v1::ExportTiupTlsRequest asked;
  asked.set_cluster_name(kForeign);
  CHECK(Reason(operations::ExportTiupTls(stage.resources(), asked).status()) == "TLS_NOT_ENABLED");
}

TEST_CASE("what is no version of DM is not imported", "[runners]") {
  Stage stage;
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("../v7.5.1");
  *request.mutable_topology() = TiupTopology();
  CHECK(Reason(operations::ImportCluster(stage.resources(), request, kImporter).status()) ==
        "INVALID_ARGUMENT");
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
