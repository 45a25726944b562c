// A cluster that no tool has a record of, found by its members and their hosts.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/error.h"
#include "server/operations/import/import.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/operations/tiup_hosts.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

constexpr char kLostMaster[] = "opt/dm/deploy/dm-master-18261/";

// Hosts that run what was imported and released, with the run scripts that TiUP writes.
struct Lost {
  Lost() {
    LayAsTiup(stage);
    for (const char* machine : {"m1", "m2", "m3"}) {
      const TempRoot& root = stage.host(machine).root();
      root.Write(std::string(kLostMaster) + "scripts/run_dm-master.sh",
                 "exec bin/dm-master/dm-master --data-dir=\"/opt/dm/data/dm-master-18261\" "
                 "--log-file=\"/opt/dm/deploy/dm-master-18261/log/dm-master.log\"\n",
                 0755);
    }
    stage.host("m1").root().Write(std::string(kLostMaster) + "conf/dm-master.toml",
                                  "log-level = \"warn\"\n");
    // DM has its members from now on.
    Perform(&stage, Importing(stage));
    v1::ReleaseClusterRequest release;
    release.set_cluster_name(kForeign);
    Perform(&stage,
            [&] { return operations::ReleaseCluster(stage.resources(), release, kImporter); });
    stage.members().SayVersion("v7.5.1");
  }

  absl::StatusOr<v1::FindForeignClusterResponse> Find(const std::string& user = "") {
    v1::FindForeignClusterRequest request;
    request.set_cluster_name(kForeign);
    request.set_master_address("10.0.0.1:18261");
    request.set_user(user);
    return operations::FindForeignCluster(stage.resources(), request);
  }

  Stage stage;
};

TEST_CASE("a cluster without a record is found by its members and imported", "[runners]") {
  Lost lost;
  const auto found = lost.Find();
  REQUIRE_OK(found.status());
  CHECK(found->version() == "v7.5.1");
  CHECK(found->notes_size() == 1);
  const v1::Topology& topology = found->topology();
  CHECK(topology.global().user() == "tidb");
  REQUIRE(topology.master_servers_size() == 3);
  REQUIRE(topology.worker_servers_size() == 2);
  const auto& worker = topology.worker_servers(0);
  CHECK(worker.name() == "worker-2");
  CHECK(worker.port() == 18262);
  CHECK(worker.placement().host() == "10.0.0.2");
  CHECK(worker.placement().deploy_dir() == "/opt/dm/deploy/dm-worker-18262");
  CHECK(worker.placement().data_dir() == "/opt/dm/data/dm-worker-18262");
  for (const auto& master : topology.master_servers()) {
    CHECK(master.placement().data_dir() == "/opt/dm/data/dm-master-18261");
    CHECK(master.peer_port() != 0);
    CHECK((master.config().fields().count("log-level") == 1) ==
          (master.placement().host() == "10.0.0.1"));
  }
  Perform(&lost.stage, [&] {
    v1::ImportClusterRequest request;
    request.set_cluster_name(kForeign);
    request.set_version(found->version());
    *request.mutable_topology() = topology;
    return operations::ImportCluster(lost.stage.resources(), request, kImporter);
  });
  CHECK(Recorded(lost.stage).origin == v1::CLUSTER_ORIGIN_TIUP);
  CHECK(Recorded(lost.stage).cluster.instances.size() == 5);
}

TEST_CASE("members that are not found are named with what helps", "[runners]") {
  Lost lost;
  std::filesystem::remove(lost.stage.host("m3").root() /
                          "etc/systemd/system/dm-worker-18262.service");
  topology::Instance stranger;
  stranger.name = "stranger";
  stranger.component = topology::Component::kDmWorker;
  stranger.host = "10.9.9.9";
  stranger.port = 28262;
  stranger.machine_id = "m4";
  lost.stage.members().Add(stranger);
  const absl::Status refused = lost.Find().status();
  CHECK(Reason(refused) == "FOREIGN_NOT_FOUND");
  CHECK_THAT(std::string(Message(refused)),
             Catch::Contains("dm-worker worker-3 has no unit") &&
                 Catch::Contains("dm-worker stranger is on 10.9.9.9"));
  CHECK_THAT(std::string(Message(lost.Find("postgres").status())),
             Catch::Contains("runs as tidb, not as postgres"));
}

TEST_CASE("what is no address of a dm-master is not asked", "[runners]") {
  Stage stage;
  v1::FindForeignClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_master_address("10.0.0.1");
  CHECK(Reason(operations::FindForeignCluster(stage.resources(), request).status()) ==
        "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace dmgr::test
