#include "client/topology/topology.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "common/error.h"

namespace dmgr::client {
namespace {

// Every key of TiUP DM's file that dmgr knows, in TiUP's own layout.
const std::string kFull = R"(---
# Defaults of all instances.
global:
  user: "dm"
  group: "ops"
  ssh_port: 2222
  ssh_type: builtin
  enable_tls: false
  systemd_mode: "system"
  listen_host: 10.0.1.11
  deploy_dir: "/dm-deploy"
  data_dir: "/dm-data"
  log_dir: "/dm-log"
  os: linux
  arch: "amd64"
  resource_control:
    memory_limit: "2G"
    cpu_quota: 200%
    io_read_bandwidth_max: "/dev/sda 100M"
    io_write_bandwidth_max: "/dev/sda 100M"
    limit_core: infinity
    timeout_start_sec: 60s
    timeout_stop_sec: 90

server_configs:
  master:
    log-level: info
    rpc-timeout: "30s"
    rpc-rate-limit: 10.0
    rpc-rate-burst: 40
    openapi: true
    experimental.openapi: false
  worker:
    log-level: info
    relay: { dir: "x", sizes: [1, 2] }
  grafana:
    auth.anonymous.enabled: true

master_servers:
  - host: 10.0.1.11
    name: master1
    ssh_port: 22
    port: 8261
    peer_port: 8291
    deploy_dir: "/dm-deploy/dm-master-8261"
    data_dir: "/dm-data/dm-master-8261"
    log_dir: "/dm-deploy/dm-master-8261/log"
    numa_node: 0
    manage_host: 192.168.1.11
    v1_source_path: /opt/v1
    patched: false
    ignore_exporter: false
    config:
      rpc-timeout: "15s"
  - host: 10.0.1.18
    name: 5
    resource_control: { memory_limit: 4G }
worker_servers:
  - host: 10.0.1.12
    config: &worker
      log-level: debug
  - host: 10.0.1.13
    port: 8263
    config: *worker
monitoring_servers:
  - host: 10.0.1.11
    storage_retention_time: 15d
    scrape_interval: 15s
    additional_args: []
grafana_servers:
  - host: 10.0.1.11
    port: 3001
    username: root
    password: "1234"
    anonymous_enable: false
    domain: ""
alertmanager_servers:
  - host: 10.0.1.11
    web_port: 9193
    cluster_port: 9194
    listen_host: 127.0.0.1
monitored:
)";

TEST_CASE("a whole file of TiUP is read") {
  const auto parsed = ParseTopology(kFull, "full.yaml");
  CAPTURE(parsed.status().ToString());
  REQUIRE(parsed.ok());
  const v1::Topology& t = *parsed;
  CHECK(t.global().user() == "dm");
  CHECK(t.global().group() == "ops");
  CHECK(t.global().ssh_port() == 2222);
  CHECK(t.global().listen_host() == "10.0.1.11");
  CHECK(t.global().deploy_dir() == "/dm-deploy");
  CHECK(t.global().data_dir() == "/dm-data");
  CHECK(t.global().log_dir() == "/dm-log");
  CHECK(t.global().os() == "linux");
  CHECK(t.global().arch() == "amd64");
  CHECK(t.global().resource_control().cpu_quota() == "200%");
  CHECK(t.global().resource_control().timeout_stop_sec() == "90");

  const auto& master = t.server_configs().master().fields();
  REQUIRE(master.size() == 6);
  CHECK(master.at("rpc-timeout").string_value() == "30s");
  CHECK(master.at("rpc-rate-limit").number_value() == 10);
  CHECK(master.at("openapi").bool_value());
  CHECK_FALSE(master.at("experimental.openapi").bool_value());
  const auto& relay = t.server_configs().worker().fields().at("relay").struct_value().fields();
  CHECK(relay.at("dir").string_value() == "x");
  CHECK(relay.at("sizes").list_value().values(1).number_value() == 2);
  CHECK(t.server_configs().grafana().fields().at("auth.anonymous.enabled").bool_value());

  REQUIRE(t.master_servers_size() == 2);
  const auto& first = t.master_servers(0);
  CHECK(first.name() == "master1");
  CHECK(first.port() == 8261);
  CHECK(first.peer_port() == 8291);
  CHECK(first.v1_source_path() == "/opt/v1");
  CHECK(first.placement().host() == "10.0.1.11");
  CHECK(first.placement().ssh_port() == 22);
  CHECK(first.placement().deploy_dir() == "/dm-deploy/dm-master-8261");
  CHECK(first.placement().data_dir() == "/dm-data/dm-master-8261");
  CHECK(first.placement().log_dir() == "/dm-deploy/dm-master-8261/log");
  CHECK(first.placement().numa_node() == "0");
  CHECK(first.placement().manage_host() == "192.168.1.11");
  CHECK(first.config().fields().at("rpc-timeout").string_value() == "15s");
  CHECK(t.master_servers(1).name() == "5");
  CHECK(t.master_servers(1).placement().resource_control().memory_limit() == "4G");
  CHECK(t.master_servers(1).port() == 0);
  REQUIRE(t.worker_servers_size() == 2);
  CHECK(t.worker_servers(1).port() == 8263);
  CHECK(t.worker_servers(1).config().fields().at("log-level").string_value() == "debug");
  CHECK(t.monitoring_servers(0).storage_retention_time() == "15d");
  CHECK(t.grafana_servers(0).port() == 3001);
  CHECK(t.grafana_servers(0).username() == "root");
  CHECK(t.grafana_servers(0).password() == "1234");
  CHECK(t.alertmanager_servers(0).web_port() == 9193);
  CHECK(t.alertmanager_servers(0).cluster_port() == 9194);
  CHECK(t.alertmanager_servers(0).listen_host() == "127.0.0.1");
}

// "line: text" of every violation.
std::vector<std::string> MistakesOf(const std::string& text) {
  const auto parsed = ParseTopology(text, "t.yaml");
  std::vector<std::string> mistakes;
  if (parsed.ok()) return mistakes;
  CHECK(parsed.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Reason(parsed.status()) == "BAD_TOPOLOGY_FILE");
  const auto violations = FieldViolations(parsed.status());
  for (const auto& violation : violations.field_violations()) {
    CHECK_THAT(std::string(Message(parsed.status())),
               Catch::Contains(violation.field() + ": " + violation.description()));
    REQUIRE_THAT(violation.field(), Catch::StartsWith("t.yaml:"));
    mistakes.push_back(violation.field().substr(7) + ": " + violation.description());
  }
  return mistakes;
}

TEST_CASE("one mistake") {
  struct Row {
    std::string text;
    std::string mistake;
  };
  const std::string host = "master_servers:\n- host: a\n";
  const Row rows[] = {
      {"", "1: the file is empty"},
      {"# only this\n", "1: the file is empty"},
      {"a: 1\nb: [\n", "3: end of sequence flow not found"},
      {"just text", "1: the file must be a table of keys and values, and is a value"},
      {"- a\n", "1: the file must be a table of keys and values, and is a list"},
      {"global: {}\n---\nglobal: {}\n", "3: the file has more than one document"},
      {"global:\n  user: a\n  port: \xff\n", "3: the file is not UTF-8 text"},
      {std::string("global: {}\n\0", 12), "2: the file is not UTF-8 text"},
      {"global: {}\n# \xed\xa0\x80", "2: the file is not UTF-8 text"},
      {"tidb_servers: []\n", "1: unknown key \"tidb_servers\""},
      {"master_server: []\n", "1: unknown key \"master_server\"; did you mean master_servers?"},
      {"global:\n  usr: x\n", "2: unknown key \"usr\"; did you mean user?"},
      {host + "  prot: 1\n", "3: unknown key \"prot\"; did you mean port?"},
      {host + "  deploydir: /x\n", "3: unknown key \"deploydir\"; did you mean deploy_dir?"},
      {host + "  placement: {host: b}\n", "3: unknown key \"placement\""},
      {host + "  web_port: 1\n", "3: unknown key \"web_port\""},
      {host + "  <<: {port: 1}\n", "3: merge keys (<<) are not supported; write the keys out"},
      {"global: {}\nglobal: {}\n", "2: \"global\" is given twice; first in line 1"},
      {host + "  port: 1\n  port: 1\n", "4: \"port\" is given twice; first in line 3"},
      {host + "  config:\n    a: 1\n    a: 1\n", "5: \"a\" is given twice; first in line 4"},
      {host + "  config:\n    a:\n      b: 1\n      b: 2\n",
       "6: \"b\" is given twice; first in line 5"},
      {host + "  [a]: 1\n", "3: a key of master_servers[0] is a list"},
      {host + "  port: \"8261\"\n", "3: port must be a whole number, and is \"8261\" in quotes"},
      {host + "  port: many\n", "3: port must be a whole number, and is \"many\""},
      {host + "  port: 0\n", "3: port cannot be 0"},
      {host + "  port: -1\n", "3: port must be a whole number, and is \"-1\""},
      {host + "  port: 1.5\n", "3: port must be a whole number, and is \"1.5\""},
      {host + "  port: 4294967296\n", "3: port must be a whole number, and is \"4294967296\""},
      {host + "  port: [1]\n", "3: port must be one value, and is a list"},
      {host + "  name: {a: 1}\n", "3: name must be one value, and is a table"},
      {host + "  config: 7\n", "3: config must be a table of keys and values, and is a value"},
      {host + "  config: {a: 99999999999999999999}\n",
       "3: a is too large for a whole number: \"99999999999999999999\""},
      {"master_servers: {host: a}\n", "1: master_servers must be a list, and is a table"},
      {"master_servers:\n- a\n",
       "2: master_servers[0] must be a table of keys and values, and is a value"},
      // Where there is nothing, the line is that of what follows.
      {host + "-\n- host: b\n", "4: master_servers[1] is empty"},
      {"global: 7\n", "1: global must be a table of keys and values, and is a value"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(MistakesOf(row.text) == std::vector<std::string>{row.mistake});
  }
}

TEST_CASE("what TiUP can and dmgr cannot is refused with the reason, unless it changes nothing") {
  struct Row {
    const char* section;
    const char* key;
    const char* change;
    const char* no_change;
    const char* why;
  };
  const char* const later = "is not supported yet: it comes later";
  const char* const no_meaning = "has no meaning for DM";
  const Row rows[] = {
      {"", "component_sources", "{master: x}", "{}", later},
      {"global", "ssh_type", "system", "builtin", "has only builtin here"},
      {"global", "ssh_type", "none", "\"builtin\"", "has only builtin here"},
      {"global", "custom", "{a: 1}", "{}", no_meaning},
      {"global", "pd_mode", "ms", "\"\"", no_meaning},
      {"master_servers", "source", "other", "dm-master", later},
      {"worker_servers", "source", "other", "dm-worker", later},
      {"master_servers", "patched", "true", "false", "is what TiUP notes"},
      {"monitored", "node_exporter_version", "v1.3.1", "\"\"", "is that of the package"},
      {"monitored", "blackbox_exporter_version", "v0.24.0", "~", "is that of the package"},
      {"monitoring_servers", "ng_port", "12020", "0", no_meaning},
      {"monitoring_servers", "prom_remote_write_to_vm", "true", "false", no_meaning},
      {"monitoring_servers", "ng_monitoring_config", "{a: 1}", "{}", no_meaning},
      {"grafana_servers", "use_vm_as_datasource", "true", "false", no_meaning},
      // What is filled in from files is not written in one.
      {"monitoring_servers", "rule_files", "[]", nullptr, "unknown key \"rule_files\""},
      {"grafana_servers", "dashboards", "[]", nullptr, "unknown key \"dashboards\""},
      {"alertmanager_servers", "config_file_content", "{}", nullptr, "unknown key"},
  };
  for (const Row& row : rows) {
    const std::string section = row.section;
    const auto file = [&](const char* value) {
      const std::string entry = fmt::format("{}: {}\n", row.key, value);
      if (section.empty()) return "global:\n  user: a\n" + entry;
      if (section == "global") return "global:\n  user: a\n  " + entry;
      if (section == "monitored") return "monitored:\n  numa_node: a\n  " + entry;
      return fmt::format("{}:\n- host: a\n  {}", section, entry);
    };
    CAPTURE(file(row.change));
    const auto mistakes = MistakesOf(file(row.change));
    REQUIRE(mistakes.size() == 1);
    CHECK_THAT(mistakes[0], Catch::StartsWith("3: ") && Catch::Contains(row.why));
    if (row.no_change != nullptr) CHECK(MistakesOf(file(row.no_change)).empty());
  }
}

TEST_CASE("monitored means something even where it says nothing") {
  const auto has = [](const std::string& text) {
    const auto topology = ParseTopology("master_servers:\n  - host: a\n" + text, "a.yaml");
    REQUIRE(topology.ok());
    const auto again = ParseTopology(TopologyText(*topology), "b.yaml");
    REQUIRE(again.ok());
    CHECK(again->DebugString() == topology->DebugString());
    return topology->has_monitored();
  };
  CHECK(has("monitored: {}\n"));
  CHECK(has("monitored: {node_exporter_port: 19100, resource_control: {cpu_quota: 10%}}\n"));
  // As in TiUP.
  CHECK_FALSE(has("monitored:\n"));
  CHECK_FALSE(has(""));
}

TEST_CASE("secrets of Grafana go where they are not shown") {
  const auto topology = ParseTopology(R"(server_configs:
  grafana: { smtp.enabled: true, smtp.password: "a b", auth.google: { client_secret: "c" } }
grafana_servers:
  - host: a
    config: { smtp.password: "own", smtp.host: "h:25" }
  - host: b
)",
                                      "a.yaml");
  REQUIRE(topology.ok());
  CHECK(topology->server_configs().grafana().fields().count("smtp.password") == 0);
  CHECK(topology->server_configs().grafana().fields().at("smtp.enabled").bool_value());
  const auto secret = [&](int i, const char* key) {
    return topology->grafana_servers(i).secret_config().fields().at(key).string_value();
  };
  CHECK(secret(0, "smtp.password") == "own");
  CHECK(secret(1, "smtp.password") == "a b");
  CHECK(secret(1, "auth.google.client_secret") == "c");
  CHECK(topology->grafana_servers(0).config().fields().size() == 1);

  v1::Topology given = *topology;
  given.mutable_grafana_servers(1)->set_password("own login");
  const std::string seen = TopologyText(WithoutSecrets(given));
  CHECK_THAT(seen, Catch::Contains("smtp.password: \"(not shown)\"") &&
                       Catch::Contains(" password: \"(not shown)\"") && Catch::Contains("h:25"));
  for (const char* hidden : {" own", "own ", "a b", "\"c\""})
    CHECK_THAT(seen, !Catch::Contains(hidden));
}

TEST_CASE("all mistakes come at once, in the order of lines") {
  const auto mistakes = MistakesOf(R"(global:
  usr: a
  custom: {a: 1}
master_servers:
  - host: a
    port: x
    host: b
worker_servers: 7
nothing: 1
)");
  CHECK(mistakes == std::vector<std::string>{
                        "2: unknown key \"usr\"; did you mean user?",
                        "3: custom has no meaning for DM",
                        "6: port must be a whole number, and is \"x\"",
                        "7: \"host\" is given twice; first in line 5",
                        "8: worker_servers must be a list, and is a value",
                        "9: unknown key \"nothing\"",
                    });
  std::string many = "global:\n";
  for (int i = 0; i < 300; ++i) many += fmt::format("  zz{}: 1\n", i);
  const auto parsed = ParseTopology(many, "many.yaml");
  CHECK(FieldViolations(parsed.status()).field_violations_size() == 101);
  CHECK_THAT(std::string(Message(parsed.status())), Catch::EndsWith("300 problems in all"));
}

TEST_CASE("files that are made to hurt") {
  // Ten aliases to ten aliases to ... : a billion values.
  std::string laughs = "server_configs:\n  master:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("    a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) laughs += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    laughs += "]\n";
  }
  CHECK_THAT(MistakesOf(laughs).at(0), Catch::Contains("too large once its aliases are expanded"));
  std::string long_text =
      "server_configs:\n  master:\n    a: &a " + std::string(100000, 'x') + "\n    b: [";
  for (int i = 0; i < 1000; ++i) long_text += i == 0 ? "*a" : ", *a";
  CHECK_THAT(MistakesOf(long_text + "]\n").at(0),
             Catch::Contains("too large once its aliases are expanded"));
  CHECK_THAT(MistakesOf("server_configs:\n  master: &m\n    a: *m\n").at(0),
             Catch::Contains("nested more than 16 levels deep"));
  CHECK_THAT(MistakesOf("server_configs:\n  master:\n    a: &m [*m]\n").at(0),
             Catch::Contains("nested more than 16 levels deep"));
  CHECK_FALSE(MistakesOf("a: " + std::string(100000, '[')).empty());
  CHECK_FALSE(MistakesOf("a: " + std::string(100000, '{')).empty());
  CHECK(MistakesOf("#" + std::string(4 << 20, 'x')) ==
        std::vector<std::string>{"1: the file is not a topology: it has 4 MiB or more"});
}

TEST_CASE("a topology that is written is read as the same", "[topology]") {
  for (const std::string& text : {kFull, std::string("master_servers:\n  - host: 10.0.0.1\n")}) {
    const auto topology = ParseTopology(text, "a.yaml");
    REQUIRE(topology.ok());
    const std::string written = TopologyText(*topology);
    INFO(written);
    const auto again = ParseTopology(written, "b.yaml");
    REQUIRE(again.ok());
    CHECK(again->DebugString() == topology->DebugString());
  }
  v1::Topology odd;
  auto& fields = *odd.mutable_server_configs()->mutable_worker()->mutable_fields();
  for (const char* value : {"true", "12", "1.5", "~", "", "a: b", "\"quoted\" \\", "x\ty", "#"}) {
    fields[fmt::format("key-{}", fields.size())].set_string_value(value);
  }
  fields["number"].set_number_value(0.25);
  fields["tenth"].set_number_value(1.1);
  fields["whole"].set_number_value(7);
  fields["yes"].set_bool_value(true);
  odd.mutable_global()->set_user("12");
  odd.add_monitoring_servers()->add_additional_args("--a=b: c");
  const auto again = ParseTopology(TopologyText(odd), "c.yaml");
  INFO(TopologyText(odd));
  REQUIRE(again.ok());
  CHECK(again->DebugString() == odd.DebugString());
}

}  // namespace
}  // namespace dmgr::client
