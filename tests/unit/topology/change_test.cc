// Another configuration for a cluster that exists.
#include <algorithm>

#include "server/topology/moved.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

// What would be changed and must not, when the second topology takes the place of the first.
std::vector<std::string> Fixed(const std::string& before, const std::string& after) {
  const ExpandInput input = Input(after);
  std::vector<Problem> problems;
  CheckFixed(Good(Input(before)), Good(input), input.topology, &problems);
  return Texts(problems);
}

TEST_CASE("configuration may become another one", "[topology][change]") {
  CHECK(Fixed(kFull, kFull).empty());
  CHECK(Fixed(R"(master_servers { placement { host: "10.0.0.1" } }
                 worker_servers { placement { host: "10.0.0.2" } })",
              R"(global { resource_control { memory_limit: "4G" } listen_host: "10.0.0.1" }
                 server_configs { worker { fields {
                   key: "log-level" value { string_value: "debug" } } } }
                 master_servers { placement { host: "10.0.0.1" numa_node: "0" } name: "dm-10.0.0.1-8261"
                                  port: 8261 }
                 worker_servers { placement { host: "10.0.0.2" } })")
            .empty());
}

TEST_CASE("what an instance is must stay, and its field is named", "[topology][change]") {
  const std::string before = R"(
    master_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } } )";
  const auto worker = [&](const std::string& first, const std::string& global = "") {
    return Fixed(before, global + R"( master_servers { placement { host: "10.0.0.1" } }
                                      worker_servers { )" +
                             first + R"( } worker_servers { placement { host: "10.0.0.2" } } )");
  };
  const std::string host = R"(placement { host: "10.0.0.1" } )";
  CHECK_THAT(worker(host + "port: 9262"),
             Catch::VectorContains(std::string(
                 "topology.worker_servers[0].port: the port of dm-10.0.0.1-8262 stays 8262 as long "
                 "as the cluster lives, and cannot become 9262")));
  CHECK_THAT(worker(host + "name: \"other\"").at(0),
             Catch::StartsWith("topology.worker_servers[0].name: "));
  CHECK_THAT(worker(R"(placement { host: "10.0.0.3" })").at(0),
             Catch::StartsWith("topology.worker_servers[0].placement.host: "));
  CHECK_THAT(worker(R"(placement { host: "10.0.0.1" deploy_dir: "/other" })").at(0),
             Catch::StartsWith("topology.worker_servers[0].placement.deploy_dir: "));
  // What all inherit is said once.
  const auto inherited = worker(host, R"(global { log_dir: "/logs" user: "other" })");
  CHECK_THAT(inherited.at(0), Catch::StartsWith("topology.global.user: the user stays tidb"));
  CHECK(std::count_if(inherited.begin(), inherited.end(), [](const std::string& text) {
          return text.starts_with("topology.global.log_dir: ");
        }) == 1);
}

TEST_CASE("instances come and go by other commands", "[topology][change]") {
  const std::string one = R"(master_servers { placement { host: "10.0.0.1" } } )";
  const std::string two = one + R"(worker_servers { placement { host: "10.0.0.2" } } )";
  const auto added = Fixed(one, two);
  REQUIRE(added.size() == 1);
  CHECK_THAT(added[0], Catch::StartsWith("topology.worker_servers[0]: ") &&
                           Catch::Contains("scaling the cluster out"));
  const auto removed = Fixed(two, one);
  REQUIRE(removed.size() == 1);
  CHECK_THAT(removed[0],
             Catch::Contains("dm-10.0.0.2-8262") && Catch::Contains("scaling the cluster in"));
}

TEST_CASE("what is write only stays where it is left out", "[topology][change]") {
  ExpandInput input = Input(R"(
    master_servers { placement { host: "10.0.0.1" } }
    monitoring_servers {
      placement { host: "10.0.0.1" } rule_dir: "/rules"
      rule_files { name: "a.rules.yml" content: "x" }
      remote_config { remote_write { fields { key: "url" value { string_value: "http://u" } } } }
      additional_args: "--query.timeout=5m" }
    grafana_servers { placement { host: "10.0.0.2" } dashboard_dir: "/boards"
      dashboards { name: "a.json" content: "{}" } }
    alertmanager_servers { placement { host: "10.0.0.3" } config_file: "/am.yml"
      config_file_content { name: "am.yml" content: "route: {}" } } )");
  const Cluster cluster = Good(input);
  v1::Topology recorded = input.topology;
  RemoveWriteOnly(&recorded);

  v1::Topology wanted = recorded;
  KeepWriteOnly(cluster, recorded, &wanted);
  CHECK(wanted.DebugString() == input.topology.DebugString());

  // Another folder brings its own content, or none.
  wanted = recorded;
  wanted.mutable_monitoring_servers(0)->set_rule_dir("/other");
  wanted.mutable_alertmanager_servers(0)->clear_config_file();
  wanted.mutable_grafana_servers(0)->add_dashboards()->set_name("b.json");
  // Given, though empty: that takes it away.
  wanted.mutable_monitoring_servers(0)->mutable_remote_config();
  KeepWriteOnly(cluster, recorded, &wanted);
  CHECK(wanted.monitoring_servers(0).rule_files().empty());
  CHECK(wanted.monitoring_servers(0).remote_config().remote_write().empty());
  CHECK(wanted.monitoring_servers(0).additional_args_size() == 1);
  CHECK_FALSE(wanted.alertmanager_servers(0).has_config_file_content());
  REQUIRE(wanted.grafana_servers(0).dashboards_size() == 1);
  CHECK(wanted.grafana_servers(0).dashboards(0).name() == "b.json");
}

TEST_CASE("what is on a machine goes to another place with all that it says, but for names",
          "[topology][move]") {
  const ExpandInput input = Input(R"(
    global { deploy_dir: "/dm" }
    master_servers { placement { host: "10.0.0.1" deploy_dir: "/x" } name: "one" port: 8361 }
    master_servers { placement { host: "10.0.0.2" } name: "two" }
    worker_servers { placement { host: "10.0.0.1" numa_node: "0" } config { fields {
      key: "log-level" value { string_value: "debug" } } } }
    monitoring_servers { placement { host: "10.0.0.1" } rule_dir: "/rules"
      rule_files { name: "a.rules.yml" content: "x" } additional_args: "--query.timeout=5m" }
    alertmanager_servers { placement { host: "10.0.0.1" } listen_host: "10.0.0.1" } )");
  const Cluster cluster = Good(input);
  v1::Topology recorded = input.topology;
  RemoveWriteOnly(&recorded);

  const v1::Topology moved = MovedServers(cluster, recorded, "m1", {"10.0.0.3", "", 22});
  CHECK_FALSE(moved.has_global());
  REQUIRE(moved.master_servers_size() == 1);
  CHECK(moved.master_servers(0).name().empty());
  CHECK(moved.master_servers(0).port() == 8361);
  CHECK(moved.master_servers(0).placement().host() == "10.0.0.3");
  CHECK(moved.master_servers(0).placement().deploy_dir() == "/x");
  CHECK(moved.worker_servers(0).placement().numa_node() == "0");
  CHECK(moved.worker_servers(0).config().DebugString() ==
        input.topology.worker_servers(0).config().DebugString());
  CHECK(moved.monitoring_servers(0).rule_files_size() == 1);
  CHECK(moved.monitoring_servers(0).additional_args_size() == 1);
  CHECK(moved.alertmanager_servers(0).listen_host() == "10.0.0.3");

  ExpandInput there = input;
  there.topology = moved;
  *there.topology.mutable_global() = input.topology.global();
  there.existing = &cluster;
  const Cluster fresh = Good(there);
  CHECK(fresh.instances.size() == 4);
  for (const Instance& instance : fresh.instances) {
    CHECK(instance.machine_id == "m3");
    const Instance* origin = OriginOf(cluster, "m1", instance);
    REQUIRE(origin != nullptr);
    CHECK(origin->deploy_dir == instance.deploy_dir);
    CHECK(origin->data_dir == instance.data_dir);
    CHECK(origin->Ports() == instance.Ports());
  }

  // Two ways to the new host.
  const v1::Topology apart = MovedServers(cluster, recorded, "m1", {"10.9.0.3", "10.0.0.3", 2222});
  CHECK(apart.worker_servers(0).placement().host() == "10.9.0.3");
  CHECK(apart.worker_servers(0).placement().manage_host() == "10.0.0.3");
  CHECK(apart.worker_servers(0).placement().ssh_port() == 2222);
  CHECK(apart.alertmanager_servers(0).listen_host() == "10.9.0.3");
}

TEST_CASE("what is on a machine has another address, and is what it was", "[topology][readdress]") {
  const ExpandInput input = Input(R"(
    global { deploy_dir: "/dm" }
    monitored { deploy_dir: "/mon" }
    master_servers { placement { host: "m1" } name: "one" }
    master_servers { placement { host: "10.0.0.2" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    alertmanager_servers { placement { host: "10.0.0.1" } listen_host: "10.0.0.1" } )");
  const Cluster before = Good(input);
  Cluster cluster = before;
  v1::Topology topology = input.topology;
  Readdress("m1", {"10.0.7.1", "", 22}, &cluster, &topology);
  REQUIRE(cluster.instances.size() == before.instances.size());
  for (std::size_t i = 0; i < cluster.instances.size(); ++i) {
    const Instance& was = before.instances[i];
    const Instance& is = cluster.instances[i];
    CHECK(is.name == was.name);
    CHECK(is.deploy_dir == was.deploy_dir);
    CHECK(is.host == (was.machine_id == "m1" ? "10.0.7.1" : was.host));
    CHECK(is.manage_host == is.host);
  }
  CHECK(cluster.Of(Component::kAlertmanager)[0]->listen_host == "10.0.7.1");
  CHECK(topology.alertmanager_servers(0).listen_host() == "10.0.7.1");
  CHECK(topology.worker_servers(0).name() == "dm-10.0.0.1-8262");
  CHECK(topology.worker_servers(1).name().empty());

  // The same cluster comes of the topology from now on, exporters with it.
  ExpandInput after = input;
  after.topology = topology;
  after.machines[0].host = "10.0.7.1";
  after.current = &cluster;
  std::vector<Problem> problems;
  const Cluster again = Expand(after, &problems);
  CheckFixed(cluster, again, topology, &problems);
  CHECK(Texts(problems).empty());
  CHECK(again.Of(Component::kAlertmanager)[0]->listen_host == "10.0.7.1");

  // From IPv4 to IPv6 what listens everywhere does so there.
  Readdress("m1", {"fd00::7", "10.0.7.1", 22}, &cluster, &topology);
  CHECK(cluster.Of(Component::kDmMaster)[0]->listen_host == "::");
  CHECK(cluster.Of(Component::kDmMaster)[0]->manage_host == "10.0.7.1");
}

TEST_CASE("what only dmgrd uses of a machine's address follows it", "[topology][readdress]") {
  const ExpandInput input = Input(R"(
    global { deploy_dir: "/dm" }
    master_servers { placement { host: "10.9.0.1" manage_host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } } )");
  const Cluster before = Good(input);
  Cluster cluster = before;
  v1::Topology topology = input.topology;
  CHECK_FALSE(ReachAt({"m3", "10.0.0.3", "10.0.7.3", 22}, &cluster, &topology));
  REQUIRE(ReachAt({"m1", "10.0.0.1", "10.0.7.1", 2222}, &cluster, &topology));
  for (const Instance& instance : cluster.instances) {
    CHECK(instance.manage_host == (instance.machine_id == "m1" ? "10.0.7.1" : "10.0.0.2"));
  }
  CHECK(cluster.Of(Component::kDmMaster)[0]->host == "10.9.0.1");
  CHECK(cluster.Of(Component::kDmWorker)[0]->host == "10.0.0.1");
  ExpandInput after = input;
  after.topology = topology;
  after.machines[0].host = "10.0.7.1";
  after.machines[0].ssh_port = 2222;
  after.current = &cluster;
  std::vector<Problem> problems;
  const Cluster again = Expand(after, &problems);
  CheckFixed(cluster, again, topology, &problems);
  CHECK(Texts(problems).empty());
  // Back again.
  REQUIRE(ReachAt({"m1", "10.0.7.1", "10.0.0.1", 22}, &cluster, &topology));
  CHECK(cluster.Of(Component::kDmWorker)[0]->manage_host == "10.0.0.1");
  CHECK(topology.worker_servers(0).placement().manage_host().empty());
}

}  // namespace
}  // namespace dmgr::topology
