// What is on a machine gets the machine's new address.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/machines/follow.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/reload/reload.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/store/cluster_store.h"
#include "server/store/machine_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

constexpr char kReaddressed[] = "dm-test";

// A stage with a cluster that is up, and the ways to call.
struct NewAddress {
  NewAddress() {
    v1::DeployClusterRequest request;
    request.set_version("v7.5.1");
    *request.mutable_topology() = SampleTopology();
    Perform(&stage, By(operations::DeployCluster, request));
    Perform(&stage, By(operations::StartCluster, v1::StartClusterRequest()));
  }

  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    request.set_cluster_name(kReaddressed);
    return [this, call, request = std::move(request)] {
      return call(stage.resources(), request, Caller{"alice"});
    };
  }

  Ask Of(const std::string& machine, const std::string& address = "") {
    v1::MoveMachineRequest request;
    request.set_from_machine_id(machine);
    request.set_to_machine_id(machine);
    request.set_address(address);
    return By(operations::MoveMachine, request);
  }

  store::ClusterRecord Record() {
    store::ClusterRecord record;
    REQUIRE_OK(stage.database().Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(record, store::GetCluster(tx, kReaddressed));
      return absl::OkStatus();
    }));
    return record;
  }

  // Whether a file of the cluster on the host has the text.
  bool Mentions(const std::string& machine, const std::string& text) {
    const std::filesystem::path root = stage.host(machine).root().path() + "/opt/dm/deploy";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file() || entry.path().string().find("/bin/") != std::string::npos) {
        continue;
      }
      std::ifstream in(entry.path());
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(text) != std::string::npos) return true;
    }
    return false;
  }

  Stage stage;
};

TEST_CASE("what is on a machine gets its new address, and is what it was", "[runners][readdress]") {
  NewAddress site;
  Stage& stage = site.stage;
  stage.members().Bind("mysql-1", "worker-2");
  const auto before = stage.host("m2").Running();
  CHECK(stage.Readdress("m2", "10.0.7.2") == std::vector<std::string>{kReaddressed});
  // dmgrd's own way is the new one at once.
  for (const auto* instance : site.Record().cluster.OnMachine("m2")) {
    CHECK(instance->host == "10.0.0.2");
    CHECK(instance->manage_host == "10.0.7.2");
  }
  std::set<std::string> runners;
  Rehearse(&stage, site.Of("m2"), &runners);
  CHECK(runners.contains(operations::kReaddress));
  CHECK_FALSE(runners.contains(operations::kRemoveSome));
  CHECK(stage.host("m2").Running() == before);
  const auto record = site.Record();
  REQUIRE(record.cluster.OnMachine("m2").size() == 2);
  for (const auto* instance : record.cluster.OnMachine("m2")) {
    CHECK(instance->host == "10.0.7.2");
    CHECK(instance->manage_host == "10.0.7.2");
    CHECK(instance->membership == topology::Membership::kJoined);
    CHECK(instance->wanted_running);
  }
  CHECK_THAT(stage.members().State(), Catch::Contains("master-2") && Catch::Contains("worker-2"));
  for (const char* machine : {"m1", "m2", "m3"}) {
    CHECK(site.Mentions(machine, "10.0.7.2:18261"));
    CHECK_FALSE(site.Mentions(machine, "10.0.0.2:18261"));
  }
  // What is on record is what the hosts have: nothing awaits a reload.
  v1::ReloadClusterRequest reload;
  const auto planned = site.By(operations::ReloadCluster, reload)();
  REQUIRE_OK(planned.status());
  for (const auto& step : planned->steps()) CHECK_THAT(step.title(), !Catch::Contains("restart"));
}

TEST_CASE("a machine with all of monitoring gets its new address", "[runners][readdress]") {
  NewAddress site;
  const auto before = site.stage.host("m1").Running();
  site.stage.Readdress("m1", "10.0.7.1");
  std::set<std::string> runners;
  // Another one than dmgrd's.
  Rehearse(&site.stage, site.Of("m1", "10.8.0.1"), &runners);
  CHECK(site.stage.host("m1").Running() == before);
  for (const auto* instance : site.Record().cluster.OnMachine("m1")) {
    CHECK(instance->host == "10.8.0.1");
    CHECK(instance->manage_host == "10.0.7.1");
  }
  CHECK(site.Mentions("m1", "http://10.8.0.1:19090"));
  CHECK_FALSE(site.Mentions("m1", "10.0.0.1:"));
}

TEST_CASE("no new address where DM would not survive it", "[runners][readdress]") {
  NewAddress site;
  const std::string before = site.stage.LookAtRecord();
  const auto reason = [&](const std::string& machine, const std::string& address) {
    return Reason(site.Of(machine, address)().status());
  };
  CHECK(reason("m2", "") == "INVALID_ARGUMENT");
  CHECK(reason("m4", "") == "INVALID_ARGUMENT");
  CHECK(reason("m2", "not an address") == "INVALID_ARGUMENT");
  // Another machine's.
  CHECK(reason("m2", "10.0.0.3") == "INVALID_ARGUMENT");
  site.stage.Lose("m3");
  CHECK(reason("m2", "10.0.7.2") == "DM_QUORUM");
  CHECK(reason("m3", "10.0.7.3") == "HOSTS_UNREACHABLE");
  CHECK(site.stage.LookAtRecord() == before);
}

TEST_CASE("the record of a machine does not change under an operation", "[runners][readdress]") {
  NewAddress site;
  REQUIRE_OK(site.By(operations::StopCluster, v1::StopClusterRequest())().status());
  const auto follow = [&] {
    return site.stage.database().Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(auto machine, store::GetMachine(tx, "m2"));
      const v1::Machine former = machine.machine;
      machine.machine.set_host("10.0.7.2");
      RETURN_IF_ERROR(store::UpdateMachine(tx, machine));
      return machines::FollowMachine(tx, former, machine.machine).status();
    });
  };
  CHECK(Reason(follow()) == "CLUSTER_BUSY");
  CHECK(site.Record().cluster.OnMachine("m2")[0]->manage_host == "10.0.0.2");
  // One that has failed reads it anew.
  ClaimedOperation(&site.stage).End(v1::OPERATION_STATE_FAILED);
  REQUIRE_OK(follow());
  CHECK(site.Record().cluster.OnMachine("m2")[0]->manage_host == "10.0.7.2");
}

}  // namespace
}  // namespace dmgr::test
