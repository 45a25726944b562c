#include <fmt/format.h>

#include <chrono>

#include "common/address.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

TEST_CASE("defaults are TiUP's") {
  const Cluster cluster = Good(Input(kFull));
  CHECK(cluster.name == "dm-test");
  CHECK(cluster.user == "tidb");
  CHECK(cluster.group == "tidb");
  CHECK(cluster.uuid.empty());
  REQUIRE(cluster.instances.size() == 6);

  struct Row {
    const char* name;
    const char* unit;
    const char* node;
    std::vector<int> ports;
    const char* deploy;
  };
  const Row rows[] = {
      {"dm-10.0.0.1-8261",
       "dm-master-8261.service",
       "10.0.0.1:8261",
       {8261, 8291},
       "/home/tidb/deploy/dm-master-8261"},
      {"dm-10.0.0.2-8261",
       "dm-master-8261.service",
       "10.0.0.2:8261",
       {8261, 8291},
       "/home/tidb/deploy/dm-master-8261"},
      {"dm-10.0.0.2-8262",
       "dm-worker-8262.service",
       "10.0.0.2:8262",
       {8262},
       "/home/tidb/deploy/dm-worker-8262"},
      {"prometheus-10.0.0.1-9090",
       "prometheus-9090.service",
       "10.0.0.1:9090",
       {9090},
       "/home/tidb/deploy/prometheus-9090"},
      {"alertmanager-10.0.0.1-9093",
       "alertmanager-9093.service",
       "10.0.0.1:9093",
       {9093, 9094},
       "/home/tidb/deploy/alertmanager-9093"},
      {"grafana-10.0.0.1-3000",
       "grafana-3000.service",
       "10.0.0.1:3000",
       {3000},
       "/home/tidb/deploy/grafana-3000"},
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    const Instance& instance = cluster.instances[i];
    CAPTURE(rows[i].name);
    CHECK(instance.name == rows[i].name);
    CHECK(instance.Unit() == rows[i].unit);
    CHECK(instance.NodeId() == rows[i].node);
    CHECK(instance.Ports() == rows[i].ports);
    CHECK(instance.deploy_dir == rows[i].deploy);
    CHECK(instance.data_dir == rows[i].deploy + std::string("/data"));
    CHECK(instance.log_dir == rows[i].deploy + std::string("/log"));
    CHECK(instance.listen_host == "0.0.0.0");
    CHECK(instance.manage_host == instance.host);
  }
  CHECK(cluster.instances[3].storage_retention == "30d");
  CHECK(cluster.instances[5].grafana_user == "admin");
  CHECK(cluster.MachineIds() == std::vector<std::string>{"m1", "m2"});
  CHECK(cluster.OnMachine("m2").size() == 2);
  CHECK(cluster.Of(Component::kDmMaster).size() == 2);
}

TEST_CASE("directories follow the mapping rule") {
  struct Row {
    const char* global;
    const char* own;
    const char* deploy;
    const char* data;
    const char* log;
  };
  const Row rows[] = {
      {"", "", "/home/tidb/deploy/dm-worker-8262", "/home/tidb/deploy/dm-worker-8262/data",
       "/home/tidb/deploy/dm-worker-8262/log"},
      {R"(user: "dm" deploy_dir: "x/y")", "", "/home/dm/x/y/dm-worker-8262",
       "/home/dm/x/y/dm-worker-8262/data", "/home/dm/x/y/dm-worker-8262/log"},
      {R"(deploy_dir: "/dm-deploy/" data_dir: "/dm-data" log_dir: "/dm-log/")", "",
       "/dm-deploy/dm-worker-8262", "/dm-data/dm-worker-8262/data", "/dm-log/dm-worker-8262/log"},
      {R"(deploy_dir: "/d" data_dir: "data" log_dir: "logs")", "", "/d/dm-worker-8262",
       "/d/dm-worker-8262/data", "/d/dm-worker-8262/logs"},
      {R"(deploy_dir: "/d" data_dir: "tidb-data/" log_dir: "a/b")", "", "/d/dm-worker-8262",
       "/d/dm-worker-8262/tidb-data", "/d/dm-worker-8262/a/b"},
      {R"(data_dir: "/dm/data" log_dir: "/dm/log")", R"(deploy_dir: "/d/w")", "/d/w",
       "/dm/data/dm-worker-8262/data", "/dm/log/dm-worker-8262/log"},
      {R"(data_dir: "/dm-data" log_dir: "/dm-log")",
       R"(deploy_dir: "w1" data_dir: "/disk1/w1" log_dir: "/disk2/w1/")", "/home/tidb/w1",
       "/disk1/w1/data", "/disk2/w1/log"},
      {"", R"(data_dir: "/disk1/w1/data" log_dir: "/disk1/w1/log")",
       "/home/tidb/deploy/dm-worker-8262", "/disk1/w1/data", "/disk1/w1/log"},
      {R"(data_dir: "/dm-data")", R"(data_dir: "mine" log_dir: "log")",
       "/home/tidb/deploy/dm-worker-8262", "/home/tidb/deploy/dm-worker-8262/mine",
       "/home/tidb/deploy/dm-worker-8262/log"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.global, row.own);
    const Cluster cluster = Good(Input(fmt::format(
        R"(global {{ {} }} master_servers {{ placement {{ host: "10.0.0.1" }} }}
           worker_servers {{ placement {{ host: "10.0.0.2" {} }} }})",
        row.global, row.own)));
    const Instance& worker = cluster.instances[1];
    CHECK(worker.deploy_dir == row.deploy);
    CHECK(worker.data_dir == row.data);
    CHECK(worker.log_dir == row.log);
  }
}

TEST_CASE("machines are found by host, SSH port and id") {
  struct Row {
    const char* placement;
    const char* machine;
    const char* host;
    const char* manage_host;
  };
  const Row rows[] = {
      {R"(host: "10.0.0.1")", "m1", "10.0.0.1", "10.0.0.1"},
      {R"(host: "10.0.0.5")", "odd-port", "10.0.0.5", "10.0.0.5"},
      {R"(host: "10.0.0.9" ssh_port: 2222)", "nat-b", "10.0.0.9", "10.0.0.9"},
      {R"(host: "m2")", "m2", "10.0.0.2", "10.0.0.2"},
      {R"(host: "nat-a")", "nat-a", "10.0.0.9", "10.0.0.9"},
      {R"(host: "dm.internal" manage_host: "10.0.0.3")", "m3", "dm.internal", "10.0.0.3"},
      {R"(host: "fd00::1")", "v6", "fd00::1", "fd00::1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.placement);
    const Cluster cluster =
        Good(Input(fmt::format("master_servers {{ placement {{ {} }} }}", row.placement)));
    CHECK(cluster.instances[0].machine_id == row.machine);
    CHECK(cluster.instances[0].host == row.host);
    CHECK(cluster.instances[0].manage_host == row.manage_host);
  }
  const Cluster v6 = Good(Input(R"(master_servers { placement { host: "fd00::1" } })"));
  CHECK(v6.instances[0].NodeId() == "[fd00::1]:8261");
  CHECK(v6.instances[0].name == "dm-fd00::1-8261");
  CHECK(v6.instances[0].listen_host == "::");
  const Cluster global = Good(Input(R"(global { ssh_port: 2222 }
      master_servers { placement { host: "10.0.0.9" } })"));
  CHECK(global.instances[0].machine_id == "nat-b");
}

TEST_CASE("values are taken over and merged") {
  ExpandInput input = Input(R"(
    global { user: "dm" group: "ops" listen_host: "10.0.0.1" arch: "x86_64" os: "linux"
             resource_control { memory_limit: "4G" cpu_quota: "200%" } }
    server_configs {
      master { fields { key: "log-level" value { string_value: "warn" } }
               fields { key: "experimental.openapi" value { bool_value: true } } }
      grafana { fields { key: "auth.anonymous" value { struct_value {
                  fields { key: "enabled" value { bool_value: true } } } } } } }
    master_servers {
      name: "m-one" port: 9261 peer_port: 9291 v1_source_path: "/opt/v1/"
      placement { host: "10.0.0.1" numa_node: "0,2-3"
                  resource_control { memory_limit: "8G" timeout_stop_sec: "5min 20s" } }
      config { fields { key: "log-level" value { string_value: "debug" } }
               fields { key: "experimental" value { struct_value {
                 fields { key: "openapi" value { bool_value: false } } } } } } }
    monitoring_servers { placement { host: "10.0.0.1" } storage_retention_time: "15d" }
    alertmanager_servers { placement { host: "10.0.0.1" } listen_host: "127.0.0.1" }
    grafana_servers { placement { host: "10.0.0.1" } }
    grafana_servers { placement { host: "10.0.0.2" } username: "boss" })");
  input.grafana_admin_user = "root";
  const Cluster cluster = Good(input);
  CHECK(cluster.user == "dm");
  CHECK(cluster.group == "ops");
  const Instance& master = cluster.instances[0];
  CHECK(master.name == "m-one");
  CHECK(master.Ports() == std::vector<int>{9261, 9291});
  CHECK(master.v1_source_path == "/opt/v1");
  CHECK(master.numa_node == "0,2-3");
  CHECK(master.listen_host == "10.0.0.1");
  CHECK(master.resource_control.memory_limit() == "8G");
  CHECK(master.resource_control.cpu_quota() == "200%");
  CHECK(master.resource_control.timeout_stop_sec() == "5min 20s");
  REQUIRE(master.config.fields_size() == 2);
  CHECK(master.config.fields().at("log-level").string_value() == "debug");
  CHECK_FALSE(master.config.fields().at("experimental.openapi").bool_value());
  CHECK(cluster.instances[1].storage_retention == "15d");
  CHECK(cluster.instances[2].listen_host == "127.0.0.1");
  CHECK(cluster.instances[3].grafana_user == "root");
  CHECK(cluster.instances[3].config.fields().at("auth.anonymous.enabled").bool_value());
  CHECK(cluster.instances[4].grafana_user == "boss");
}

TEST_CASE("a thousand instances are checked in no time") {
  ExpandInput input = Input("");
  for (int i = 0; i < 1000; ++i) {
    auto* worker = input.topology.add_worker_servers();
    worker->mutable_placement()->set_host("10.0.0.1");
    worker->set_port(20000 + i);
    for (int other = 0; other < 10; ++other) {
      input.occupied.push_back(Held("other", "x", "id-1", {30000 + i * 10 + other},
                                    {fmt::format("/srv/{}/{}", i, other)}));
    }
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<Problem> problems;
  CHECK(Expand(input, &problems).instances.size() == 1000);
  CHECK(problems.size() == 1);  // No dm-master.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("select") {
  const Cluster cluster = Good(Input(kFull));
  const auto names = [&cluster](const std::vector<std::string>& roles,
                                const std::vector<std::string>& nodes) {
    std::vector<Problem> problems;
    std::vector<std::string> result;
    for (const Instance* instance : Select(cluster, roles, nodes, &problems)) {
      result.push_back(instance->name);
    }
    for (const std::string& text : Texts(problems)) result.push_back(text);
    return result;
  };
  using Names = std::vector<std::string>;
  CHECK(names({}, {}).size() == 6);
  CHECK(names({"dm-worker", "grafana"}, {}) == Names{"dm-10.0.0.2-8262", "grafana-10.0.0.1-3000"});
  CHECK(names({}, {"10.0.0.2:8262", "dm-10.0.0.1-8261"}) ==
        Names{"dm-10.0.0.1-8261", "dm-10.0.0.2-8262"});
  CHECK(names({"dm-master"}, {"10.0.0.2:8262", "10.0.0.2:8261"}) == Names{"dm-10.0.0.2-8261"});
  CHECK(names({"dm-master"}, {"10.0.0.2:8262"}) ==
        Names{"selection: selects no instance of cluster dm-test"});
  CHECK(names({"dm-worker"}, {"10.0.0.2"}) == Names{"dm-10.0.0.2-8262"});
  CHECK(names({}, {"10.0.0.2"}).size() + names({}, {"10.0.0.1"}).size() == 6);
  const auto unknown = names({"master"}, {"10.0.0.3:8261", "nobody"});
  REQUIRE(unknown.size() == 3);
  CHECK_THAT(unknown[0], Catch::StartsWith("selection.roles[0]") && Catch::Contains("dm-master"));
  CHECK_THAT(unknown[1], Catch::StartsWith("selection.nodes[0]") &&
                             Catch::Contains("10.0.0.1:8261, 10.0.0.2:8261, 10.0.0.2:8262"));
  CHECK_THAT(unknown[2], Catch::StartsWith("selection.nodes[1]"));
}

TEST_CASE("values in the words of TiUP and systemd") {
  for (
      const char* global :
      {R"(arch: "AMD64")", R"(arch: "X86_64")",
       R"(resource_control { io_read_bandwidth_max: "/dev/disk/by-path/pci-0000:00:1f.2-ata-1 1G" })",
       R"(resource_control { io_write_bandwidth_max: "/dev/disk/by-id/a,b=c#d~e:f 100M" })"}) {
    CAPTURE(global);
    Good(Input(fmt::format(
        R"(global {{ {} }} master_servers {{ placement {{ host: "10.0.0.1" }} }})", global)));
  }
}

TEST_CASE("single words") {
  CHECK(IsClusterName("dm-1.a_B"));
  CHECK_FALSE(IsClusterName(""));
  CHECK_FALSE(IsClusterName(".a"));
  CHECK_FALSE(IsClusterName("-a"));
  CHECK_FALSE(IsClusterName("a/b"));
  CHECK_FALSE(IsClusterName(std::string(65, 'a')));
  CHECK(IsUserName("_dm-1"));
  CHECK_FALSE(IsUserName("1dm"));
  CHECK_FALSE(IsUserName("dM"));
  CHECK_FALSE(IsUserName(std::string(32, 'a')));
  CHECK(IsCleanPath("/a/b.c/@_+-9"));
  for (const char* path : {"", "a", "/a/", "/a//b", "/a/./b", "/a/..", "/a b", "/a$", "/a\n"}) {
    CAPTURE(path);
    CHECK_FALSE(IsCleanPath(path));
  }
  CHECK_FALSE(IsCleanPath("/" + std::string(255, 'a')));
  CHECK(Contains("/a", "/a"));
  CHECK(Contains("/a", "/a/b"));
  CHECK(Contains("/", "/a"));
  CHECK_FALSE(Contains("/a", "/ab"));
  CHECK_FALSE(Contains("/a/b", "/a"));
  CHECK(JoinHostPort("fd00::1", 1) == "[fd00::1]:1");
  for (Component component : kComponents) CHECK(ParseComponent(Name(component)) == component);
  CHECK_FALSE(ParseComponent("master").has_value());
}

}  // namespace
}  // namespace dmgr::topology
