// TiUP's meta.yaml, read and written.
#include "client/topology/tiup.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "client/topology/topology.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

// As TiUP 1.16 writes it: all defaults filled in, by the order of its structs.
constexpr char kMeta[] = R"(user: tidb
dm_version: v7.5.1
topology:
  global:
    user: tidb
    ssh_port: 22
    ssh_type: builtin
    deploy_dir: /dm-deploy
    data_dir: /dm-data
    os: linux
    arch: amd64
    systemd_mode: system
  server_configs:
    master:
      log-level: info
    worker: {}
    grafana: {}
  component_sources: {}
  master_servers:
  - host: 10.0.1.11
    ssh_port: 22
    name: dm-10.0.1.11-8261
    port: 8261
    peer_port: 8291
    deploy_dir: /dm-deploy/dm-master-8261
    data_dir: /dm-data/dm-master-8261
    log_dir: /dm-deploy/dm-master-8261/log
    arch: amd64
    os: linux
  - host: 10.0.1.12
    ssh_port: 22
    patched: true
    name: master2
    port: 8361
    peer_port: 8391
    deploy_dir: /dm-deploy/dm-master-8361
    data_dir: /dm-data/dm-master-8361
    log_dir: /dm-deploy/dm-master-8361/log
    config:
      rpc-timeout: 40s
    arch: amd64
    os: linux
  worker_servers:
  - host: 10.0.1.11
    ssh_port: 22
    name: dm-10.0.1.11-8262
    port: 8262
    deploy_dir: /dm-deploy/dm-worker-8262
    data_dir: /dm-data/dm-worker-8262
    log_dir: /dm-deploy/dm-worker-8262/log
    arch: amd64
    os: linux
  monitoring_servers:
  - host: 10.0.1.11
    ssh_port: 22
    port: 9090
    ng_port: 12020
    deploy_dir: /dm-deploy/prometheus-9090
    data_dir: /dm-data/prometheus-9090
    log_dir: /dm-deploy/prometheus-9090/log
    external_alertmanagers: []
    arch: amd64
    os: linux
  grafana_servers:
  - host: 10.0.1.11
    ssh_port: 22
    port: 3000
    deploy_dir: /dm-deploy/grafana-3000
    arch: amd64
    os: linux
    username: admin
    password: admin
    anonymous_enable: false
    root_url: ""
    domain: ""
  alertmanager_servers:
  - host: 10.0.1.11
    ssh_port: 22
    web_port: 9093
    cluster_port: 9094
    deploy_dir: /dm-deploy/alertmanager-9093
    data_dir: /dm-data/alertmanager-9093
    log_dir: /dm-deploy/alertmanager-9093/log
    arch: amd64
    os: linux
)";

TiupMeta ReadMeta(const std::string& text) {
  auto meta = ParseTiupMeta(text, "meta.yaml");
  CAPTURE(meta.status());
  REQUIRE(meta.ok());
  return *std::move(meta);
}

std::vector<std::string> MistakesIn(const std::string& text) {
  std::vector<std::string> found;
  const auto violations = FieldViolations(ParseTiupMeta(text, "meta.yaml").status());
  for (const auto& one : violations.field_violations()) {
    found.push_back(one.field() + ": " + one.description());
  }
  return found;
}

template <typename Server>
void AddInstance(v1::Component component, const Server& server, v1::Cluster* cluster) {
  const v1::Placement& placement = server.placement();
  v1::Instance& instance = *cluster->add_instances();
  instance.set_component(component);
  instance.set_name(server.name());
  instance.set_host(placement.host());
  instance.set_deploy_dir(placement.deploy_dir());
  instance.set_data_dir(placement.data_dir());
  instance.set_log_dir(placement.log_dir());
  if constexpr (std::is_same_v<Server, v1::AlertmanagerServer>) {
    instance.set_port(server.web_port());
    instance.set_cluster_port(server.cluster_port());
  } else {
    instance.set_port(server.port());
  }
  if constexpr (std::is_same_v<Server, v1::MasterServer>) {
    instance.set_peer_port(server.peer_port());
  }
}

// What dmgrd shows of a cluster with this topology, whose servers say all.
v1::Cluster ClusterOf(const TiupMeta& meta) {
  v1::Cluster cluster;
  cluster.set_name("demo");
  cluster.set_version(meta.version);
  cluster.set_user(meta.topology.global().user());
  cluster.set_group(meta.topology.global().user());
  *cluster.mutable_topology() = meta.topology;
  const v1::Topology& topology = meta.topology;
  for (const auto& one : topology.master_servers()) {
    AddInstance(v1::COMPONENT_DM_MASTER, one, &cluster);
  }
  for (const auto& one : topology.worker_servers()) {
    AddInstance(v1::COMPONENT_DM_WORKER, one, &cluster);
  }
  for (const auto& one : topology.monitoring_servers()) {
    AddInstance(v1::COMPONENT_PROMETHEUS, one, &cluster);
  }
  for (const auto& one : topology.alertmanager_servers()) {
    AddInstance(v1::COMPONENT_ALERTMANAGER, one, &cluster);
  }
  for (const auto& one : topology.grafana_servers()) {
    AddInstance(v1::COMPONENT_GRAFANA, one, &cluster);
  }
  return cluster;
}

TEST_CASE("TiUP's meta.yaml is a user, a version and a topology") {
  const TiupMeta meta = ReadMeta(kMeta);
  CHECK(meta.version == "v7.5.1");
  CHECK(meta.topology.global().user() == "tidb");
  REQUIRE(meta.topology.master_servers_size() == 2);
  const auto& second = meta.topology.master_servers(1);
  CHECK(second.name() == "master2");
  CHECK(second.peer_port() == 8391);
  CHECK(second.placement().data_dir() == "/dm-data/dm-master-8361");
  CHECK(second.config().fields().at("rpc-timeout").string_value() == "40s");
  CHECK(meta.topology.grafana_servers(0).password() == "admin");
  CHECK(meta.topology.alertmanager_servers(0).cluster_port() == 9094);
}

TEST_CASE("what TiUP notes and dmgr leaves out is told with its line") {
  CHECK(ReadMeta(kMeta).notes ==
        std::vector<std::string>{
            "line 32: patched is what TiUP notes of a cluster that runs; leave it out",
            "line 57: ng_port has no meaning for DM"});
}

TEST_CASE("the exporters of a cluster of TiUP stay TiUP's") {
  const TiupMeta meta = ReadMeta(std::string(kMeta) +
                                 "  monitored:\n    node_exporter_port: 9100\n"
                                 "    blackbox_exporter_port: 9115\n"
                                 "    deploy_dir: /dm-deploy/monitor-9100\n"
                                 "    data_dir: /dm-data/monitor-9100\n"
                                 "    log_dir: /dm-deploy/monitor-9100/log\n");
  CHECK_FALSE(meta.topology.has_monitored());
  CHECK(meta.notes.back() == "monitored: the exporters of the hosts stay TiUP's");
}

TEST_CASE("an old TiUP writes less") {
  // 1.3 knew neither systemd_mode nor component_sources, and wrote versions as they were typed.
  const TiupMeta meta = ReadMeta(
      "user: dm\ndm_version: 2.0.1\ntopology:\n  global:\n    user: dm\n    ssh_port: 22\n"
      "    deploy_dir: deploy\n    data_dir: data\n    os: linux\n    arch: amd64\n"
      "  master_servers:\n  - host: h1\n    ssh_port: 22\n    name: dm-h1-8261\n    port: 8261\n"
      "    peer_port: 8291\n    deploy_dir: /home/dm/deploy/dm-master-8261\n"
      "    data_dir: /home/dm/deploy/dm-master-8261/data\n"
      "    log_dir: /home/dm/deploy/dm-master-8261/log\n");
  CHECK(meta.version == "v2.0.1");
  CHECK(meta.notes.empty());
  CHECK(meta.topology.master_servers(0).placement().data_dir() ==
        "/home/dm/deploy/dm-master-8261/data");
}

TEST_CASE("a file that is no meta.yaml of DM is refused, with all that is wrong in it") {
  CHECK(
      MistakesIn("user: tidb\ntidb_version: v7.5.0\ntopology: {}\n") ==
      std::vector<std::string>{"meta.yaml:1: dm_version is missing",
                               "meta.yaml:2: tidb_version: this is a cluster of TiDB, not of DM"});
  CHECK(MistakesIn("just words\n") ==
        std::vector<std::string>{"meta.yaml:1: the file is no meta.yaml of TiUP: it has no keys"});
  CHECK(
      MistakesIn("user: a\ndm_version: v7.5.1\ntopology:\n  global: {user: b}\n  colour: red\n") ==
      std::vector<std::string>{"meta.yaml:1: user is a, and that of topology.global is b",
                               "meta.yaml:5: unknown key \"colour\""});
}

TEST_CASE("what dmgr writes for TiUP is read as the same again") {
  TiupMeta before = ReadMeta(kMeta);
  // dmgrd keeps it sealed.
  before.topology.mutable_grafana_servers(0)->clear_password();
  const TiupText written = TiupMetaText(ClusterOf(before));
  CHECK(written.left_out.empty());
  const TiupMeta after = ReadMeta(written.text);
  CHECK(after.version == before.version);
  CHECK(after.notes.empty());
  CHECK(TopologyText(after.topology) == TopologyText(before.topology));
  CHECK(TiupMetaText(ClusterOf(after)).text == written.text);
}

TEST_CASE("TiUP gets the names, ports and directories that dmgr has filled in") {
  v1::Cluster cluster;
  cluster.set_version("v7.5.1");
  cluster.set_user("dm");
  cluster.set_group("ops");
  auto* asked = cluster.mutable_topology()->add_worker_servers();
  asked->mutable_placement()->set_host("machine-1");
  asked->mutable_placement()->set_numa_node("0");
  auto* instance = cluster.add_instances();
  instance->set_component(v1::COMPONENT_DM_WORKER);
  instance->set_name("same@worker");
  instance->set_host("10.0.1.11");
  instance->set_machine_id("machine-1");
  instance->set_port(8262);
  instance->set_deploy_dir("/d/dm-worker-8262");
  instance->set_data_dir("/data/dm-worker-8262/data");
  instance->set_log_dir("/d/dm-worker-8262/log");
  const TiupMeta meta = ReadMeta(TiupMetaText(cluster).text);
  CHECK(meta.topology.global().group() == "ops");
  REQUIRE(meta.topology.worker_servers_size() == 1);
  const auto& server = meta.topology.worker_servers(0);
  CHECK(server.name() == "same");
  CHECK(server.port() == 8262);
  CHECK(server.placement().host() == "10.0.1.11");
  CHECK(server.placement().numa_node() == "0");
  CHECK(server.placement().data_dir() == "/data/dm-worker-8262/data");
}

TEST_CASE("what TiUP has no word for is left out and told") {
  v1::Cluster cluster;
  cluster.set_version("v7.5.1");
  cluster.set_user("tidb");
  cluster.set_group("tidb");
  auto* asked = cluster.mutable_topology()->add_monitoring_servers();
  asked->mutable_placement()->set_host("h1");
  (*asked->mutable_external_labels()->mutable_fields())["site"].set_string_value("a");
  auto* prometheus = cluster.add_instances();
  prometheus->set_component(v1::COMPONENT_PROMETHEUS);
  prometheus->set_name("prometheus-h1-9090");
  prometheus->set_host("h1");
  prometheus->set_port(9090);
  auto* exporter = cluster.add_instances();
  exporter->set_component(v1::COMPONENT_NODE_EXPORTER);
  exporter->set_name("node-exporter-h1-9100");
  exporter->set_host("h1");
  exporter->set_port(9100);
  const TiupText written = TiupMetaText(cluster);
  CHECK(written.left_out ==
        std::vector<std::string>{
            "prometheus-h1-9090: TiUP has no external_labels",
            "node-exporter-h1-9100: TiUP has exporters on all hosts or on none"});
  CHECK(written.text.find("external_labels") == std::string::npos);
  CHECK(written.text.find("node_exporter") == std::string::npos);
  CHECK(written.text.find("name") == std::string::npos);
}

}  // namespace
}  // namespace dmgr::client
