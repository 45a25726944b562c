// Exporters that serve several clusters of one user on a host.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "server/leftovers/leftovers.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/repair/repair.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kSharer{"carol"};
constexpr char kOwner[] = "dm-test";
constexpr char kNeighbour[] = "neighbour";
constexpr char kExporter[] = "node-exporter-9100.service";
constexpr char kExporterUnit[] = "etc/systemd/system/node-exporter-9100.service";

template <typename Request>
Request OfShared(const char* cluster) {
  Request request;
  request.set_cluster_name(cluster);
  return request;
}

v1::DeployClusterRequest Owner() {
  auto request = OfShared<v1::DeployClusterRequest>(kOwner);
  request.set_version("v7.5.1");
  *request.mutable_topology() = SampleTopology();
  request.mutable_topology()->mutable_monitored();
  return request;
}

// Of the same user: other ports and directories, and without m3.
v1::DeployClusterRequest Neighbour() {
  v1::DeployClusterRequest request = Owner();
  request.set_cluster_name(kNeighbour);
  v1::Topology& topology = *request.mutable_topology();
  topology.mutable_global()->set_deploy_dir("/opt/neighbour/deploy");
  topology.mutable_global()->set_data_dir("/opt/neighbour/data");
  topology.mutable_master_servers()->DeleteSubrange(1, 2);
  topology.mutable_worker_servers()->DeleteSubrange(1, 1);
  topology.clear_monitoring_servers();
  topology.clear_alertmanager_servers();
  topology.clear_grafana_servers();
  for (auto& master : *topology.mutable_master_servers()) {
    master.set_port(28261);
    master.set_peer_port(28291);
  }
  for (auto& worker : *topology.mutable_worker_servers()) worker.set_port(28262);
  return request;
}

std::size_t CountExporters(const std::vector<topology::Instance>& instances) {
  return static_cast<std::size_t>(
      std::count_if(instances.begin(), instances.end(),
                    [](const auto& one) { return topology::IsExporter(one.component); }));
}

// Both clusters are there, and the first one is up.
struct Street {
  Street() : empty(stage.Look()) {
    Do(operations::DeployCluster, Owner());
    Do(operations::StartCluster, OfShared<v1::StartClusterRequest>(kOwner));
    Do(operations::DeployCluster, Neighbour());
  }

  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         const Request& request) {
    return [this, call, request] { return call(stage.resources(), request, kSharer); };
  }
  template <typename Request>
  void Do(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
          const Request& request) {
    Perform(&stage, By(call, request));
  }
  void Destroy(const char* cluster, bool force = false) {
    auto request = OfShared<v1::DestroyClusterRequest>(cluster);
    request.set_force(force);
    Do(operations::DestroyCluster, request);
  }
  topology::Cluster Record(const char* cluster) {
    return store::Get(stage.database(),
                      [&](store::Transaction& tx) { return store::GetCluster(tx, cluster); })
        .cluster;
  }
  // What stays there, as cleaning says it.
  std::vector<std::string> Clean(const std::string& machine) {
    v1::CleanMachineRequest request;
    request.set_machine_id(machine);
    v1::CleanMachineResponse response;
    REQUIRE_OK(leftovers::CleanMachine(
        stage.resources(), request,
        [](store::Transaction&, const auto&) { return absl::OkStatus(); }, &response));
    std::vector<std::string> kept;
    for (const auto& cleaned : response.cleaned()) {
      kept.insert(kept.end(), cleaned.kept().begin(), cleaned.kept().end());
    }
    return kept;
  }
  void CheckNothingIsLeft() {
    Scene left = stage.Look();
    left.members = empty.members;  // DM's own memory, which goes with its data on real hosts.
    CHECK(Difference(empty, left) == "");
  }

  Stage stage;
  Scene empty;
};

TEST_CASE("exporters that clusters share go with the last one", "[runners]") {
  Street street;
  CHECK(street.stage.host("m1").Running().contains(kExporter));
  CHECK(CountExporters(street.Record(kOwner).instances) == 6);
  CHECK(street.Record(kNeighbour).borrowed.size() == 4);
  CHECK(CountExporters(street.Record(kNeighbour).instances) == 0);

  // Whoever has them stops: they run on for the other one, but on the host that only it has.
  street.Do(operations::StopCluster, OfShared<v1::StopClusterRequest>(kOwner));
  CHECK(street.stage.host("m1").Running().contains(kExporter));
  CHECK_FALSE(street.stage.host("m3").Running().contains(kExporter));

  std::set<std::string> runners;
  Rehearse(&street.stage,
           street.By(operations::DestroyCluster, OfShared<v1::DestroyClusterRequest>(kOwner)),
           &runners);
  CHECK(street.Record(kNeighbour).borrowed.empty());
  CHECK(CountExporters(street.Record(kNeighbour).instances) == 4);
  for (const char* machine : {"m1", "m2"}) {
    CHECK(street.stage.host(machine).Running().contains(kExporter));
  }
  CHECK(Difference(street.empty, street.stage.Look()).find("m3:") == std::string::npos);

  street.Destroy(kNeighbour);
  street.CheckNothingIsLeft();
}

TEST_CASE("a stop that leaves a lost machine out wants its shared exporters to run", "[runners]") {
  Street street;
  street.stage.Lose("m2");
  auto request = OfShared<v1::StopClusterRequest>(kOwner);
  request.set_skip_unreachable(true);
  street.Do(operations::StopCluster, request);
  for (const auto& instance : street.Record(kOwner).instances) {
    INFO(instance.name << " on " << instance.machine_id);
    const bool shared = topology::IsExporter(instance.component) && instance.machine_id != "m3";
    CHECK(instance.wanted_running == shared);
  }
}

TEST_CASE("an exporter on a lost machine goes to whoever shares it, on the host when it is cleaned",
          "[runners]") {
  Street street;
  street.stage.Lose("m1");
  const bool destroys = GENERATE(true, false);
  if (destroys) {
    street.Destroy(kOwner, /*force=*/true);
  } else {
    auto leaving = OfShared<v1::ScaleInClusterRequest>(kOwner);
    for (const char* node :
         {"10.0.0.1:18261", "10.0.0.1:19090", "10.0.0.1:19093", "10.0.0.1:13000"}) {
      leaving.mutable_selection()->add_nodes(node);
    }
    leaving.set_force(true);
    street.Do(operations::ScaleInCluster, leaving);
  }
  const auto sharing = street.Record(kNeighbour);
  CHECK(sharing.borrowed.size() == (destroys ? 0 : 2));
  CHECK(CountExporters(sharing.instances) == (destroys ? 4 : 2));

  street.stage.Recover("m1");
  const auto& host = street.stage.host("m1");
  const bool cleans_first = GENERATE(true, false);
  if (cleans_first) {
    const auto kept = street.Clean("m1");
    CHECK(std::ranges::any_of(kept, [](const auto& one) { return one.starts_with(kExporter); }));
    CHECK(host.root().Exists(kExporterUnit));
    CHECK_FALSE(host.root().Exists("etc/systemd/system/dm-master-18261.service"));
    // By record it is to run there, and is the neighbour's to change.
    street.Do(operations::RepairCluster, OfShared<v1::RepairClusterRequest>(kNeighbour));
    CHECK(host.Running().contains(kExporter));
    street.Destroy(kNeighbour);
  } else {
    // On the host it still is the other one's, by whose record it is removed.
    street.Destroy(kNeighbour);
    street.Clean("m1");
  }
  CHECK_FALSE(host.root().Exists(kExporterUnit));
  if (!destroys) street.Destroy(kOwner);
  street.CheckNothingIsLeft();
}

}  // namespace
}  // namespace dmgr::test
