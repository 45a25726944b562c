#include <fmt/format.h>

#include <algorithm>

#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

struct Refused {
  std::string topology;
  std::string field;
  std::string text;
};

// Each has this one problem and no other.
void CheckRefused(const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    CAPTURE(row.topology);
    std::vector<Problem> problems;
    Expand(Input(row.topology), &problems);
    CAPTURE(Texts(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == row.field);
    CHECK_THAT(problems[0].text, Catch::Contains(row.text));
  }
}

TEST_CASE("hosts that are refused") {
  const std::string host = "topology.master_servers[0].placement.host";
  CheckRefused({
      {R"(master_servers { placement { } })", host, "is missing"},
      {R"(master_servers { placement { host: "10.9.9.9" } })", host, "register it first"},
      {R"(master_servers { placement { host: "10.0.0.9" } })", host, "22, 2222"},
      {R"(master_servers { placement { host: "10.0.0.1" ssh_port: 23 } })", host,
       "registered with port 22"},
      {R"(master_servers { placement { host: "[fd00::1]" } })", host, "without brackets"},
      {R"(master_servers { placement { host: "a b" } })", host, "is not a host name"},
      {R"(master_servers { placement { host: "0.0.0.0" } })", host, "by which others reach it"},
      {R"(master_servers { placement { host: "10.0.0.4" } })", host, "machine arm is arm64"},
      {PlacedWith("ssh_port: 70000"), "topology.master_servers[0].placement.ssh_port", "70000"},
      {PlacedWith(R"(manage_host: "a b")"), "topology.master_servers[0].placement.manage_host",
       "is not a host name"},
      {R"(master_servers { placement { host: "10.0.0.3" manage_host: "169.254.169.254" } })",
       "topology.master_servers[0].placement.manage_host", "register it first"},
      {R"(master_servers { placement { host: "10.0.0.1" manage_host: "10.0.0.3" } })", host,
       "is machine m1, and manage_host is machine m3"},
      {PlacedWith(R"(arch: "arm64")"), "topology.master_servers[0].placement.arch",
       "machine m1 is amd64"},
      {PlacedWith(R"(arch: "s390x")"), "topology.master_servers[0].placement.arch", "s390x"},
      {PlacedWith(R"(os: "darwin")"), "topology.master_servers[0].placement.os", "darwin"},
      {R"(global { arch: "arm64" } master_servers { placement { host: "10.0.0.3" } })", host,
       "package v7.5.2 is for amd64"},
      {kMaster + R"(worker_servers { placement { host: "dm-host-1" } })",
       "topology.worker_servers[0].placement.host", "machine alias is the same host as machine m1"},
  });
}

TEST_CASE("names and single values that are refused") {
  CheckRefused({
      {GlobalWith(R"(user: "Root" group: "g")"), "topology.global.user", "useradd"},
      {GlobalWith(R"(group: "a:b")"), "topology.global.group", "useradd"},
      {GlobalWith("ssh_port: 65536"), "topology.global.ssh_port", "65536"},
      {GlobalWith(R"(listen_host: "::1;")"), "topology.global.listen_host", "not a host name"},
      {GlobalWith(R"(os: "windows")"), "topology.global.os", "windows"},
      {GlobalWith(R"(arch: "mips")"), "topology.global.arch", "mips"},
      {MasterWith(R"(name: "a b")"), "topology.master_servers[0].name", "is not a name"},
      {MasterWith(R"(name: "-x")"), "topology.master_servers[0].name", "is not a name"},
      {MasterWith(R"(name: "../x")"), "topology.master_servers[0].name", "is not a name"},
      {MasterWith("port: 65536"), "topology.master_servers[0].port", "1 to 65535"},
      {MasterWith("port: 4294967295"), "topology.master_servers[0].port", "4294967295"},
      {MasterWith("peer_port: 70000"), "topology.master_servers[0].peer_port", "70000"},
      {MasterWith(R"(v1_source_path: "v1")"), "topology.master_servers[0].v1_source_path",
       "absolute"},
      {MasterWith(R"(v1_source_path: "/a/../b")"), "topology.master_servers[0].v1_source_path",
       "absolute"},
      {PlacedWith(R"(numa_node: "0;1")"), "topology.master_servers[0].placement.numa_node",
       "\"0,1\""},
      {PlacedWith(R"(resource_control { memory_limit: "4G\nExecStart=/bin/x" })"),
       "topology.master_servers[0].placement.resource_control.memory_limit", "4G?ExecStart"},
      {GlobalWith(R"(resource_control { cpu_quota: "200" })"),
       "topology.global.resource_control.cpu_quota", "200%"},
      {GlobalWith(R"(resource_control { io_read_bandwidth_max: "sda 100M" })"),
       "topology.global.resource_control.io_read_bandwidth_max", "/dev/sda 100M"},
      {GlobalWith(R"(resource_control { io_write_bandwidth_max: "/dev/sda" })"),
       "topology.global.resource_control.io_write_bandwidth_max", "/dev/sda 100M"},
      {GlobalWith(R"(resource_control { limit_core: "lots" })"),
       "topology.global.resource_control.limit_core", "infinity"},
      {GlobalWith(R"(resource_control { timeout_start_sec: "60 sec onds" })"),
       "topology.global.resource_control.timeout_start_sec", "60s"},
      {GlobalWith(R"(resource_control { timeout_stop_sec: "soon" })"),
       "topology.global.resource_control.timeout_stop_sec", "90s"},
      {kMaster + R"(monitoring_servers { placement { host: "10.0.0.1" }
                                         storage_retention_time: "2w" })",
       "topology.monitoring_servers[0].storage_retention_time", "15d"},
      {kMaster + R"(alertmanager_servers { placement { host: "10.0.0.1" } web_port: 99999 })",
       "topology.alertmanager_servers[0].web_port", "99999"},
      {kMaster + R"(alertmanager_servers { placement { host: "10.0.0.1" } listen_host: "a/b" })",
       "topology.alertmanager_servers[0].listen_host", "not a host name"},
      {kMaster + R"(monitoring_servers { placement { host: "10.0.0.1" } }
                    grafana_servers { placement { host: "10.0.0.1" } username: "a`b" })",
       "topology.grafana_servers[0].username", "letters"},
  });
}

TEST_CASE("shapes that are refused") {
  CheckRefused({
      {R"(worker_servers { placement { host: "10.0.0.1" } })", "topology.master_servers",
       "at least one dm-master"},
      {kMaster + R"(grafana_servers { placement { host: "10.0.0.1" } })",
       "topology.grafana_servers", "monitoring_servers"},
  });
  ExpandInput input = Input(kMaster);
  for (int i = 0; i < 1000; ++i) input.topology.add_worker_servers();
  CHECK(ProblemsOf(input) ==
        std::vector<std::string>{"topology: has 1001 instances; a cluster can have 1000 at most"});

  ExpandInput named = Input(kMaster);
  named.cluster_name = "../etc";
  named.cluster_path = "relative";
  const auto texts = ProblemsOf(named);
  REQUIRE(texts.size() == 2);
  CHECK_THAT(texts[0], Catch::StartsWith("cluster_name: \"../etc\""));
  CHECK_THAT(texts[1], Catch::StartsWith("cluster_path: \"relative\""));
}

TEST_CASE("names and ports that clash") {
  CheckRefused({
      {kMaster + R"(worker_servers { placement { host: "10.0.0.1" } name: "x" }
                    worker_servers { placement { host: "10.0.0.2" } name: "x" })",
       "topology.worker_servers[1].name", "x is also the name of topology.worker_servers[0]"},
      {kMaster + R"(worker_servers { placement { host: "10.0.0.1" } port: 8261 name: "w" })",
       "topology.worker_servers[0].port", "also topology.master_servers[0].port"},
      {kMaster + R"(worker_servers { placement { host: "10.0.0.1" } port: 8291 })",
       "topology.worker_servers[0].port", "also topology.master_servers[0].peer_port"},
      {MasterWith("peer_port: 8261"), "topology.master_servers[0].peer_port",
       "also topology.master_servers[0].port"},
      {kMaster + R"(alertmanager_servers { placement { host: "10.0.0.1" } cluster_port: 8291 })",
       "topology.alertmanager_servers[0].cluster_port",
       "also topology.master_servers[0].peer_port"},
      {R"(master_servers { placement { host: "10.0.0.9" ssh_port: 22 } name: "a" }
          master_servers { placement { host: "10.0.0.9" ssh_port: 2222 } name: "b" })",
       "topology.master_servers[1].placement.host", "could not tell them apart"},
  });
}

TEST_CASE("directories that are refused") {
  const std::string deploy = "topology.master_servers[0].placement.deploy_dir";
  std::vector<Refused> rows = {
      {PlacedWith(R"(deploy_dir: "/dm/../etc")"), deploy, "no part '.' or '..'"},
      {PlacedWith(R"(deploy_dir: "/dm//x")"), deploy, "single slashes"},
      {PlacedWith(R"(deploy_dir: "/dm/$HOME")"), deploy, "is not a plain path"},
      {PlacedWith(R"(deploy_dir: "a b")"), deploy, "is not a plain path"},
      {PlacedWith(R"(deploy_dir: "/home/tidb/.ssh/dm")"), deploy, ".ssh"},
      {PlacedWith(R"(deploy_dir: "/dm/.dmgr")"), deploy, ".dmgr"},
      {PlacedWith(R"(deploy_dir: "/home/someone")"), deploy, "a user's home"},
      {PlacedWith(R"(data_dir: "../up")"), "topology.master_servers[0].placement.data_dir",
       "not a plain path"},
      {PlacedWith(R"(data_dir: "/etc")"), "topology.master_servers[0].placement.data_dir",
       "belongs to the system"},
      {PlacedWith(R"(log_dir: "/var/log")"), "topology.master_servers[0].placement.log_dir",
       "choose a directory below it"},
      {GlobalWith(R"(deploy_dir: "/usr/lib")"), "topology.global.deploy_dir", "/usr"},
      {GlobalWith(R"(deploy_dir: "/home")"), "topology.global.deploy_dir", "a user's home"},
      {GlobalWith(R"(data_dir: "a/../b")"), "topology.global.data_dir", "not a plain path"},
      {GlobalWith(R"(log_dir: "/proc")"), "topology.global.log_dir", "/proc"},
      // Of one instance.
      {PlacedWith(R"(deploy_dir: "/dm/m1" data_dir: "/dm/m1/bin")"),
       "topology.master_servers[0].placement.data_dir", "dmgr keeps for itself"},
      {PlacedWith(R"(deploy_dir: "/dm/data/m1" data_dir: "/dm/data")"),
       "topology.master_servers[0].placement.data_dir", "holds the deploy directory"},
      {PlacedWith(R"(data_dir: "/dm/data" log_dir: "/dm/data")"),
       "topology.master_servers[0].placement.log_dir", "overlap"},
      // Of two.
      {kMaster + R"(worker_servers { placement { host: "10.0.0.1"
                     deploy_dir: "/home/tidb/deploy/dm-master-8261" } })",
       "topology.worker_servers[0].placement.deploy_dir", "is also topology.master_servers[0]"},
      {R"(master_servers { placement { host: "10.0.0.1" deploy_dir: "/dm" } }
          worker_servers { placement { host: "10.0.0.1" deploy_dir: "/dm/worker" } })",
       "topology.worker_servers[0].placement.deploy_dir", "/dm/worker is inside /dm"},
      {R"(master_servers { placement { host: "10.0.0.1" deploy_dir: "/dm/master" } }
          worker_servers { placement { host: "10.0.0.1" deploy_dir: "/dm" } })",
       "topology.master_servers[0].placement.deploy_dir", "/dm/master is inside /dm"},
      {R"(master_servers { placement { host: "10.0.0.1" log_dir: "/logs" } }
          worker_servers { placement { host: "10.0.0.1" log_dir: "/logs" } })",
       "topology.worker_servers[0].placement.log_dir", "/logs/log is also"},
      {R"(master_servers { placement { host: "10.0.0.1" deploy_dir: "/a" data_dir: "/b/data" } }
          worker_servers { placement { host: "10.0.0.1" deploy_dir: "/b/data/w" } })",
       "topology.worker_servers[0].placement.deploy_dir", "inside /b/data"},
  };
  for (const char* dir : {"/",
                          "/etc",
                          "/usr",
                          "/bin",
                          "/sbin",
                          "/var",
                          "/home",
                          "/root",
                          "/boot",
                          "/proc",
                          "/sys",
                          "/dev",
                          "/run",
                          "/lib",
                          "/lib64",
                          "/tmp",
                          "/opt",
                          "/etc/dm",
                          "/usr/share/dm",
                          "/usr/local/bin",
                          "/proc/1",
                          "/dev/shm/dm",
                          "/var/lib/dmgr/dm"}) {
    rows.push_back(
        {PlacedWith(fmt::format("deploy_dir: \"{}\"", dir)), deploy, "belongs to the system"});
  }
  CheckRefused(rows);
  for (const char* dir : {"/opt/dm", "/usr/local/dm", "/var/lib/dm", "/home/tidb/dm", "/data",
                          "/data1", "/libdm", "/tmp/dm"}) {
    CAPTURE(dir);
    Good(Input(PlacedWith(fmt::format("deploy_dir: \"{}\"", dir))));
  }
  // The same directories on two hosts are no conflict.
  Good(Input(kFull + R"(master_servers { placement { host: "10.0.0.3" } })"));
}

TEST_CASE("configuration that is refused") {
  const auto master = [](const std::string& key, const std::string& value) {
    return kMaster + fmt::format(R"(server_configs {{ master {{ fields {{ key: "{}"
                                    value {{ {} }} }} }} }})",
                                 key, value);
  };
  const auto worker = [](const std::string& key, const std::string& value) {
    return kMaster + fmt::format(R"(worker_servers {{ placement {{ host: "10.0.0.1" }}
        config {{ fields {{ key: "{}" value {{ {} }} }} }} }})",
                                 key, value);
  };
  const auto grafana = [](const std::string& key, const std::string& value) {
    return kMaster + fmt::format(R"(server_configs {{ grafana {{ fields {{ key: "{}"
                                    value {{ {} }} }} }} }})",
                                 key, value);
  };
  const std::string text = R"(string_value: "x")";
  std::vector<Refused> rows;
  for (const char* key :
       {"name", "master-addr", "advertise-addr", "peer-urls", "advertise-peer-urls",
        "initial-cluster", "join", "data-dir", "log-file", "v1-sources-path", "ssl-ca"}) {
    rows.push_back({master(key, text), std::string("topology.server_configs.master.") + key,
                    "must not be given"});
  }
  for (const char* key : {"name", "worker-addr", "advertise-addr", "join", "log-file"}) {
    rows.push_back({worker(key, text), std::string("topology.worker_servers[0].config.") + key,
                    "must not be given"});
  }
  const std::string at_master = "topology.server_configs.master";
  const std::string at_worker = "topology.worker_servers[0].config";
  const std::string at_grafana = "topology.server_configs.grafana";
  const std::vector<Refused> more = {
      {master("nosuch", text), at_master + ".nosuch", "is not a key of dm-master v7.5.2"},
      {master("log", R"(struct_value { fields { key: "level" value { string_value: "x" } } })"),
       at_master + ".log.level", "is not a key of dm-master v7.5.2"},
      {master("secret-key-path", text), at_master + ".secret-key-path", "from v8.0.0 on"},
      {worker("redact-info-log", "bool_value: true"), at_worker + ".redact-info-log",
       "from v9.0.0 on"},
      {worker("openapi", "bool_value: true"), at_worker + ".openapi", "is not a key of dm-worker"},
      {master("openapi", text), at_master + ".openapi", "true or false"},
      {master("max-txn-ops", "number_value: 1.5"), at_master + ".max-txn-ops", "whole number"},
      {master("rpc-rate-limit", text), at_master + ".rpc-rate-limit", "a number"},
      {master("rpc-rate-limit", "number_value: inf"), at_master + ".rpc-rate-limit",
       "is not a number"},
      {master("log-level", "null_value: NULL_VALUE"), at_master + ".log-level", "has no value"},
      {master("log-level", R"(string_value: "a\nname = \"b\"")"), at_master + ".log-level",
       "control character"},
      {master("a b", text), at_master, "\"a b\" cannot be a key"},
      {grafana("http_port", text), at_grafana + ".http_port", "section.key"},
      {grafana("server.http_port", text), at_grafana + ".server.http_port", "must not be given"},
      {grafana("security.admin_password", text), at_grafana + ".security.admin_password", "secret"},
      {grafana("smtp.password", text), at_grafana + ".smtp.password", "secret"},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  CheckRefused(rows);

  ExpandInput twice = Input(master("experimental.openapi", "bool_value: true"));
  auto& fields = *twice.topology.mutable_server_configs()->mutable_master()->mutable_fields();
  (*fields["experimental"].mutable_struct_value()->mutable_fields())["openapi"].set_bool_value(
      true);
  CHECK_THAT(
      ProblemsOf(twice),
      Catch::VectorContains(std::string(
          "topology.server_configs.master.experimental.openapi: is given twice, with dots and as a "
          "table")));

  ExpandInput large = Input(master("log-level", text));
  (*large.topology.mutable_server_configs()->mutable_master()->mutable_fields())["log-format"]
      .set_string_value(std::string(70000, 'x'));
  CHECK_THAT(ProblemsOf(large).at(0), Catch::Contains("64 KiB"));
}

TEST_CASE("a key belongs to versions") {
  struct Row {
    const char* version;
    const char* key;
    bool accepted;
  };
  const Row rows[] = {
      {"v2.0.1", "relay-keepalive-ttl", false},
      {"v2.0.2", "relay-keepalive-ttl", true},
      {"v9.0.0-beta.1", "no-such", false},
      {"v9.1.0", "no-such", true},
      {"nightly", "no-such", true},
      {"nightly", "keepalive-ttl", true},
      {"nightly", "join", false},
      {"v5.3.0", "keepalive-ttl", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.version, row.key);
    ExpandInput input = Input(kMaster);
    input.version = row.version;
    auto& fields = *input.topology.mutable_server_configs()->mutable_worker()->mutable_fields();
    fields[row.key].set_number_value(60);
    CHECK(ProblemsOf(input).empty() == row.accepted);
  }
}

TEST_CASE("what other clusters hold is refused") {
  ExpandInput input = Input(kFull);
  input.occupied = {
      Held("other", "w1", "id-1", {8261}, {"/srv/other"}),
      Held("other", "w2", "id-2", {8262}, {"/home/tidb/deploy/dm-worker-8262/data"}),
      Held("third", "m1", "id-2", {8263}, {"/home/tidb/deploy"}),
      // On other hosts: no conflict.
      Held("far", "m1", "id-3", {8261, 8262}, {"/home/tidb/deploy/dm-worker-8262"}),
  };
  const auto texts = ProblemsOf(input);
  CAPTURE(texts);
  REQUIRE(texts.size() == 5);
  CHECK(texts[0] ==
        "topology.master_servers[0].port: port 8261 on host 10.0.0.1 belongs to "
        "instance w1 of cluster other");
  CHECK(texts[1] ==
        "topology.master_servers[1].placement.deploy_dir: "
        "/home/tidb/deploy/dm-master-8261 is inside /home/tidb/deploy, which is a "
        "directory of instance m1 of cluster third on the same host");
  CHECK_THAT(texts[2], Catch::Contains("port 8262") && Catch::Contains("cluster other"));
  CHECK_THAT(texts[3], Catch::Contains("worker_servers[0]") && Catch::Contains("cluster third"));
  CHECK(texts[4] ==
        "topology.worker_servers[0].placement.deploy_dir: "
        "/home/tidb/deploy/dm-worker-8262 holds "
        "/home/tidb/deploy/dm-worker-8262/data, a directory of instance w2 of cluster "
        "other on the same host");
}

TEST_CASE("all that is wrong comes at once") {
  ExpandInput input = Input(R"(
    global { user: "9" resource_control { cpu_quota: "x" } }
    master_servers { placement { host: "10.9.9.9" deploy_dir: "/etc" } port: 70000 }
    worker_servers { placement { host: "10.0.0.1" numa_node: "x" } port: 8291 name: "w" }
    worker_servers { placement { host: "10.0.0.1" } port: 8291 name: "w" }
    grafana_servers { placement { host: "10.0.0.2" } }
    server_configs { master { fields { key: "join" value { string_value: "x" } } } })");
  input.cluster_name = "";
  input.occupied = {Held("other", "g", "id-2", {3000}, {})};
  std::vector<std::string> fields;
  std::vector<Problem> problems;
  Expand(input, &problems);
  for (const Problem& problem : problems) fields.push_back(problem.field);
  std::sort(fields.begin(), fields.end());
  CHECK(fields == std::vector<std::string>{
                      "cluster_name",
                      "topology.global.resource_control.cpu_quota",
                      "topology.global.user",
                      "topology.grafana_servers",
                      "topology.grafana_servers[0].port",
                      "topology.master_servers[0].placement.deploy_dir",
                      "topology.master_servers[0].placement.host",
                      "topology.master_servers[0].port",
                      "topology.server_configs.master.join",
                      "topology.worker_servers[0].placement.numa_node",
                      "topology.worker_servers[1].name",
                      "topology.worker_servers[1].placement.deploy_dir",
                      "topology.worker_servers[1].port",
                  });
}

}  // namespace
}  // namespace dmgr::topology
