// What a clean is refused for, and what begins after it.
#include "server/operations/clean/clean.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kOperator{"alice"};
constexpr char kStopped[] = "dm-test";

void DeployOn(Stage& stage) {
  v1::DeployClusterRequest request;
  request.set_cluster_name(kStopped);
  request.set_version("v7.5.1");
  *request.mutable_topology() = SampleTopology();
  Perform(&stage, [&] { return operations::DeployCluster(stage.resources(), request, kOperator); });
}

TEST_CASE("a deploy keeps a cluster's files where dmgrd.toml says, and nowhere else", "[runners]") {
  Stage stage;
  v1::DeployClusterRequest request;
  request.set_cluster_name(kStopped);
  request.set_version("v7.5.1");
  *request.mutable_topology() = SampleTopology();
  const std::string own = stage.resources().cluster_path;
  for (const std::string& path :
       {std::string("/etc/systemd/system"), own + "/../elsewhere", own + "x"}) {
    INFO(path);
    request.set_cluster_path(path);
    const auto refused = operations::DeployCluster(stage.resources(), request, kOperator).status();
    CHECK(absl::IsInvalidArgument(refused));
    CHECK(refused.message().find("cluster_path") != std::string::npos);
  }
  request.set_cluster_path(own + "/below");
  Perform(&stage, [&] { return operations::DeployCluster(stage.resources(), request, kOperator); });
}

TEST_CASE("a clean is refused when one runs by hand, and for some dm-masters alone", "[runners]") {
  Stage stage;
  DeployOn(stage);
  v1::CleanClusterRequest request;
  request.set_cluster_name(kStopped);
  const auto clean = [&] {
    return operations::CleanCluster(stage.resources(), request, kOperator);
  };
  CHECK(absl::IsInvalidArgument(clean().status()));
  request.set_data(true);
  request.mutable_selection()->add_nodes("m1");
  CHECK(Reason(clean().status()) == "DM_QUORUM");
  request.mutable_selection()->add_components(v1::COMPONENT_GRAFANA);
  CHECK(clean().ok());
}

TEST_CASE("dm-masters that have joined begin a new DM with the others", "[runners]") {
  Stage stage;
  DeployOn(stage);
  v1::StartClusterRequest start;
  start.set_cluster_name(kStopped);
  const auto starting = [&] {
    return operations::StartCluster(stage.resources(), start, kOperator);
  };
  Perform(&stage, starting);
  v1::ScaleOutClusterRequest more;
  more.set_cluster_name(kStopped);
  auto* master = more.mutable_topology()->add_master_servers();
  master->mutable_placement()->set_host("10.0.0.1");
  master->set_port(28261);
  master->set_peer_port(28291);
  Perform(&stage, [&] { return operations::ScaleOutCluster(stage.resources(), more, kOperator); });
  v1::CleanClusterRequest request;
  request.set_cluster_name(kStopped);
  request.set_data(true);
  const auto clean = [&] {
    return operations::CleanCluster(stage.resources(), request, kOperator);
  };
  CHECK(Reason(clean().status()) == "CLUSTER_NOT_STOPPED");
  v1::StopClusterRequest stop;
  stop.set_cluster_name(kStopped);
  Perform(&stage, [&] { return operations::StopCluster(stage.resources(), stop, kOperator); });
  const std::string script = "opt/dm/deploy/dm-master-28261/scripts/run_dm-master.sh";
  const auto& root = stage.host("m1").root();
  REQUIRE_THAT(root.Read(script), Catch::Contains("--join="));
  Perform(&stage, clean);
  CHECK_THAT(root.Read(script),
             Catch::Contains("--initial-cluster=") && !Catch::Contains("--join="));
  Perform(&stage, starting);
}

TEST_CASE("nothing of DM may run when its data goes, whatever else is selected", "[runners]") {
  Stage stage;
  DeployOn(stage);
  stage.host("m3").root().Write("run/units/dm-worker-18262.service", "1\n");
  v1::CleanClusterRequest request;
  request.set_cluster_name(kStopped);
  request.set_data(true);
  request.mutable_selection()->add_components(v1::COMPONENT_DM_MASTER);
  const auto clean = [&] {
    return operations::CleanCluster(stage.resources(), request, kOperator);
  };
  CHECK(Reason(clean().status()) == "INSTANCE_RUNS");
  std::filesystem::remove(stage.host("m3").root() / "run/units/dm-worker-18262.service");
  stage.Lose("m3");
  CHECK_THAT(std::string(Message(clean().status())), Catch::Contains("m3"));
}

TEST_CASE("a clean ends before it has removed anything when one was started meanwhile",
          "[runners]") {
  Stage stage;
  DeployOn(stage);
  const auto written = FillDirs(stage, kStopped);
  v1::CleanClusterRequest request;
  request.set_cluster_name(kStopped);
  request.set_logs(true);
  const absl::Status ended = PerformToFailure(&stage, [&] {
    auto operation = operations::CleanCluster(stage.resources(), request, kOperator);
    stage.host("m2").root().Write("run/units/dm-worker-18262.service", "1\n");
    return operation;
  });
  CHECK(Reason(ended) == "INSTANCE_RUNS");
  for (const auto& path : written) CHECK(std::filesystem::exists(path));
}

}  // namespace
}  // namespace dmgr::test
