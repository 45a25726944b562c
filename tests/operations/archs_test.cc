// Hosts of another architecture than the package's: what is refused before anything changes.
#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

template <typename Request>
Request OfMixed() {
  Request request;
  request.set_cluster_name("dm-test");
  return request;
}

struct Mixed {
  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    return [this, call, request = std::move(request)] {
      return call(stage.resources(), request, Caller{"alice"});
    };
  }
  Ask Deploying(const std::string& version) {
    auto request = OfMixed<v1::DeployClusterRequest>();
    request.set_version(version);
    *request.mutable_topology() = SampleTopology();
    return By(operations::DeployCluster, request);
  }
  // Of v7.5.2, which has both.
  void BringUp() {
    stage.AddPackage("v7.5.2", "arm64");
    Perform(&stage, Deploying("v7.5.2"));
    Perform(&stage, By(operations::StartCluster, OfMixed<v1::StartClusterRequest>()));
  }

  Stage stage;
};

TEST_CASE("a deploy to a host that the package has nothing for is refused", "[runners][archs]") {
  Mixed mixed;
  mixed.stage.SetArch("m3", "arm64");
  mixed.stage.AddPackage("v7.5.2", "arm64");
  const std::string before = mixed.stage.LookAtRecord();
  const absl::Status lacking = mixed.Deploying("v7.5.1")().status();
  CHECK_THAT(std::string(Message(lacking)),
             Catch::Contains("machine m3 is arm64, but package v7.5.1 is for amd64"));
  // It is not what it was, either.
  const absl::Status differs = mixed.Deploying("v7.5.2")().status();
  CHECK(Reason(differs) == "HOST_CONFLICT");
  CHECK_THAT(std::string(Message(differs)),
             Catch::Contains("machine m3: it is amd64, and was arm64"));
  CHECK(mixed.stage.LookAtRecord() == before);
}

TEST_CASE("an upgrade to a package without a host's programs is refused", "[runners][archs]") {
  Mixed mixed;
  mixed.BringUp();
  mixed.stage.AddPackage("v7.5.3");
  mixed.stage.SetArch("m3", "arm64");
  auto request = OfMixed<v1::UpgradeClusterRequest>();
  request.set_version("v7.5.3");
  const absl::Status refused = mixed.By(operations::UpgradeCluster, request)().status();
  CHECK(Reason(refused) == "ARCH_DIFFERS");
  CHECK(Metadata(refused, "machine") == "m3");
  CHECK(Metadata(refused, "arch") == "arm64");
}

TEST_CASE("a patch does not move to a host of another architecture", "[runners][archs]") {
  Mixed mixed;
  mixed.BringUp();
  auto patch = OfMixed<v1::PatchClusterRequest>();
  patch.set_patch_id(mixed.stage.AddWorkerPatch());
  patch.mutable_selection()->add_nodes("worker-2");
  Perform(&mixed.stage, mixed.By(operations::PatchCluster, patch));
  mixed.stage.SetArch("m4", "arm64");
  auto move = OfMixed<v1::MoveMachineRequest>();
  move.set_from_machine_id("m2");
  move.set_to_machine_id("m4");
  const absl::Status refused = mixed.By(operations::MoveMachine, move)().status();
  CHECK(Reason(refused) == "PATCH_ARCH_DIFFERS");
  CHECK(Metadata(refused, "instance") == "worker-2");
}

}  // namespace
}  // namespace dmgr::test
