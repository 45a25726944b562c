// What is not cleaned.
#include "server/operations/clean/clean.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
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
  CHECK(absl::IsUnavailable(clean().status()));
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
