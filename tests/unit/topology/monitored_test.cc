// "monitored": the exporters of every host, and those that clusters share.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

// "node-exporter 10.0.0.1:9100 /home/tidb/deploy/..." of each exporter.
std::vector<std::string> Exporters(const std::vector<Instance>& instances) {
  std::vector<std::string> list;
  for (const Instance& one : instances) {
    if (!IsExporter(one.component)) continue;
    list.push_back(fmt::format("{} {} {}", one.Unit(), one.host, one.deploy_dir));
  }
  return list;
}

Occupied Holder(const std::string& user, int port) {
  Occupied holder;
  holder.cluster = "other";
  holder.instance = "node-exporter-10.0.0.1-9100";
  holder.identity = "id-1";
  holder.component = Component::kNodeExporter;
  holder.ports = {port};
  holder.dirs = {"/elsewhere/node"};
  holder.user = user;
  holder.group = user;
  return holder;
}

TEST_CASE("monitored puts one exporter of each kind on every host, whatever runs there") {
  CHECK(Exporters(Good(Input(kFull)).instances).empty());
  const Cluster cluster = Good(Input(kFull + "monitored {}"));
  CHECK(Exporters(cluster.instances) ==
        std::vector<std::string>{"node-exporter-9100.service 10.0.0.1 "
                                 "/home/tidb/deploy/monitor-9100/node-exporter-9100",
                                 "node-exporter-9100.service 10.0.0.2 "
                                 "/home/tidb/deploy/monitor-9100/node-exporter-9100",
                                 "blackbox-exporter-9115.service 10.0.0.1 "
                                 "/home/tidb/deploy/monitor-9100/blackbox-exporter-9115",
                                 "blackbox-exporter-9115.service 10.0.0.2 "
                                 "/home/tidb/deploy/monitor-9100/blackbox-exporter-9115"});
}

TEST_CASE("what monitored says is in force for each of them") {
  const Cluster cluster = Good(Input(kMaster + R"(
    global { resource_control { memory_limit: "4G" cpu_quota: "100%" } }
    monitored { node_exporter_port: 19100 blackbox_exporter_port: 19115 deploy_dir: "/m/deploy"
                data_dir: "/m/data" log_dir: "own-log" numa_node: "0"
                resource_control { memory_limit: "1G" } })"));
  const Instance& node = *cluster.Of(Component::kNodeExporter).at(0);
  CHECK(node.port == 19100);
  CHECK(node.name == "node-exporter-10.0.0.1-19100");
  CHECK(node.deploy_dir == "/m/deploy/node-exporter-19100");
  CHECK(node.data_dir == "/m/data/node-exporter-19100/data");
  CHECK(node.log_dir == "/m/deploy/node-exporter-19100/own-log");
  CHECK(node.numa_node == "0");
  CHECK(node.resource_control.memory_limit() == "1G");
  CHECK(node.resource_control.cpu_quota() == "100%");
  const Instance& blackbox = *cluster.Of(Component::kBlackboxExporter).at(0);
  CHECK(blackbox.port == 19115);
  CHECK(blackbox.deploy_dir == "/m/deploy/blackbox-exporter-19115");
}

TEST_CASE("hosts that ignore exporters, or have some of their own, get none") {
  const Cluster cluster = Good(Input(R"(
    master_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.1" ignore_exporter: true } }
    worker_servers { placement { host: "10.0.0.2" } }
    node_exporter_servers { placement { host: "m2" deploy_dir: "/own" } port: 9200 }
    monitored {})"));
  CHECK(Exporters(cluster.instances) ==
        std::vector<std::string>{"node-exporter-9200.service 10.0.0.2 /own",
                                 "blackbox-exporter-9115.service 10.0.0.2 "
                                 "/home/tidb/deploy/monitor-9100/blackbox-exporter-9115"});
}

TEST_CASE("the ports of monitored are checked like all others, and named by its keys") {
  const auto problems = ProblemsOf(Input(kFull + "monitored { node_exporter_port: 9090 }"));
  CHECK(problems == std::vector<std::string>{
                        "topology.monitored.node_exporter_port: port 9090 on host 10.0.0.1 is also "
                        "topology.monitoring_servers[0].port"});
  CHECK_THAT(
      fmt::format("{}", fmt::join(ProblemsOf(Input(kMaster +
                                                   "monitored { blackbox_exporter_port: 70000 }")),
                                  "\n")),
      Catch::Contains("topology.monitored.blackbox_exporter_port: 70000 is not a port"));
  ExpandInput strange = Input(kMaster + "monitored { deploy_dir: \"/etc/x\" }");
  CHECK_THAT(fmt::format("{}", fmt::join(ProblemsOf(strange), "\n")),
             Catch::Contains("topology.monitored.deploy_dir: "));
}

TEST_CASE("a package without exporters is told of, once for each") {
  ExpandInput input = Input(kFull + "monitored {}");
  input.package_lacks = {Component::kNodeExporter};
  CHECK(ProblemsOf(input) ==
        std::vector<std::string>{"topology.monitored.node_exporter_port: package v7.5.2 has no "
                                 "node-exporter: build and upload one with the tarball of "
                                 "node_exporter, or leave it out"});
}

TEST_CASE("an exporter of another cluster is shared where user and port are the same") {
  ExpandInput input = Input(kFull + "monitored {}");
  input.occupied = {Holder("tidb", 9100)};
  const Cluster cluster = Good(input);
  REQUIRE(cluster.borrowed.size() == 1);
  CHECK(cluster.borrowed[0].NodeId() == "10.0.0.1:9100");
  CHECK(cluster.Of(Component::kNodeExporter).size() == 1);
  CHECK(cluster.Of(Component::kBlackboxExporter).size() == 2);

  input.occupied = {Holder("dm", 9100)};
  const auto problems = ProblemsOf(input);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0],
             Catch::Contains(
                 "topology.monitored.node_exporter_port: port 9100 on host 10.0.0.1 belongs to "
                 "node-exporter-10.0.0.1-9100 of cluster other, which runs as dm:dm"));

  input.occupied = {Holder("tidb", 9100)};
  input.occupied[0].settled = false;
  CHECK_THAT(ProblemsOf(input).at(0), Catch::Contains("cluster other, which is coming or going"));

  // Something else has the port.
  input.occupied = {Holder("tidb", 9100)};
  input.occupied[0].component = Component::kGrafana;
  REQUIRE(ProblemsOf(input).size() == 1);
  CHECK_THAT(ProblemsOf(input)[0],
             Catch::Contains("port 9100 on host 10.0.0.1 belongs to instance"));
}

TEST_CASE("a scale-out brings exporters to new hosts, and to all when monitored is new") {
  const Cluster old = Good(Input(kMaster + "monitored {}"));
  ExpandInput input = Input(R"(worker_servers { placement { host: "10.0.0.1" } }
                               worker_servers { placement { host: "10.0.0.2" } } monitored {})");
  input.existing = &old;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(kMaster + "monitored {}",
                                                        &input.existing_topology));
  CHECK(Exporters(Good(input).instances).size() == 2);

  const Cluster bare = Good(Input(kMaster));
  ExpandInput fresh = Input("monitored {}");
  fresh.existing = &bare;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(kMaster, &fresh.existing_topology));
  const Cluster added = Good(fresh);
  CHECK(added.instances.size() == 2);
  CHECK(Exporters(added.instances).size() == 2);
}

TEST_CASE("another configuration leaves exporters where they are") {
  ExpandInput input = Input(kFull + "monitored { deploy_dir: \"/m\" }");
  Cluster cluster = Good(input);
  // One came from another cluster, with other directories.
  for (Instance& one : cluster.instances) {
    if (one.component != Component::kNodeExporter || one.host != "10.0.0.2") continue;
    one.deploy_dir = "/inherited/n";
    one.data_dir = "/inherited-data/n/data";
    one.log_dir = "/inherited/n/log";
  }
  input.topology.mutable_monitored()->mutable_resource_control()->set_memory_limit("1G");
  input.current = &cluster;
  const Cluster wanted = Good(input);
  std::vector<Problem> problems;
  CheckFixed(cluster, wanted, input.topology, &problems);
  CHECK(Texts(problems).empty());
  REQUIRE(wanted.instances.size() == cluster.instances.size());
  for (std::size_t i = 0; i < wanted.instances.size(); ++i) {
    CHECK(wanted.instances[i].name == cluster.instances[i].name);
    CHECK(wanted.instances[i].deploy_dir == cluster.instances[i].deploy_dir);
    CHECK(wanted.instances[i].data_dir == cluster.instances[i].data_dir);
    CHECK(wanted.instances[i].log_dir == cluster.instances[i].log_dir);
  }
  CHECK(wanted.Of(Component::kNodeExporter)[0]->resource_control.memory_limit() == "1G");
}

TEST_CASE("what of monitored stays as long as the cluster lives is said") {
  v1::Topology recorded;
  v1::Topology wanted;
  const auto check = [&] {
    std::vector<Problem> problems;
    CheckMonitored(recorded, wanted, &problems);
    return Texts(problems);
  };
  CHECK(check().empty());
  wanted.mutable_monitored();
  REQUIRE(check().size() == 1);
  CHECK_THAT(check()[0], Catch::Contains("topology.monitored: exporters are added by scaling"));
  recorded.mutable_monitored()->set_deploy_dir("/a");
  wanted.mutable_monitored()->set_numa_node("1");
  REQUIRE(check().size() == 1);
  CHECK_THAT(check()[0], Catch::Contains("topology.monitored.deploy_dir: stays"));
}

TEST_CASE("exporters leave a host with the last of the cluster there") {
  const Cluster cluster = Good(Input(kFull + "monitored {}"));
  std::vector<const Instance*> leaving = cluster.Of(Component::kDmWorker);
  CHECK(OrphanExporters(cluster, leaving).empty());
  for (const Instance* one : cluster.OnMachine("m2")) {
    if (one->component == Component::kDmMaster) leaving.push_back(one);
  }
  const auto orphans = OrphanExporters(cluster, leaving);
  REQUIRE(orphans.size() == 2);
  CHECK(orphans[0]->machine_id == "m2");
  leaving.push_back(orphans[0]);
  CHECK(OrphanExporters(cluster, leaving).size() == 1);
}

}  // namespace
}  // namespace dmgr::topology
