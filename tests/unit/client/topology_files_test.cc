// Values of a topology file, its monitoring, and the files that it names.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "client/topology/topology.h"
#include "common/error.h"
#include "tests/support/temp_dir.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Texts(const absl::Status& status) {
  std::vector<std::string> texts;
  const auto violations = FieldViolations(status);
  for (const auto& violation : violations.field_violations()) {
    texts.push_back(violation.field() + ": " + violation.description());
  }
  return texts;
}

v1::Topology Parsed(const std::string& text) {
  auto parsed = ParseTopology(text, "t.yaml");
  CAPTURE(Texts(parsed.status()));
  REQUIRE(parsed.ok());
  return *std::move(parsed);
}

TEST_CASE("plain values of a configuration have types") {
  const auto parsed = ParseTopology(R"(server_configs:
  master: {a: 1, b: -1.5, c: 1e3, d: "1", e: true, f: yes, g: ~, h: 1.2.3, i: 'true', j: inf,
           k: 0x10, l: 10.0.0.1, m: "", n: +5, o: null}
)",
                                    "t.yaml");
  REQUIRE(parsed.ok());
  const auto& fields = parsed->server_configs().master().fields();
  CHECK(fields.at("a").number_value() == 1);
  CHECK(fields.at("b").number_value() == -1.5);
  CHECK(fields.at("c").number_value() == 1000);
  CHECK(fields.at("d").string_value() == "1");
  CHECK(fields.at("e").bool_value());
  CHECK(fields.at("f").string_value() == "yes");
  CHECK(fields.at("g").has_null_value());
  CHECK(fields.at("h").string_value() == "1.2.3");
  CHECK(fields.at("i").string_value() == "true");
  CHECK(fields.at("j").string_value() == "inf");
  CHECK(fields.at("k").string_value() == "0x10");
  CHECK(fields.at("l").string_value() == "10.0.0.1");
  CHECK(fields.at("m").has_string_value());
  CHECK(fields.at("n").number_value() == 5);
  CHECK(fields.at("o").has_null_value());
}

TEST_CASE("what another program reads keeps the way it is written") {
  const std::string text = R"(monitoring_servers:
- host: a
  remote_config:
    remote_write:
    - basic_auth: {password: 0123456, username: 007}
      queue_config: {capacity: 10000, max_backoff: 1.10}
grafana_servers:
- host: a
  config: {users.default_language: 1.10, server.x: True, log.y: 99999999999999999999}
server_configs:
  master: {rpc-rate-limit: 10.0, openapi: True}
)";
  const v1::Topology t = Parsed(text);
  const auto& write = t.monitoring_servers(0).remote_config().remote_write(0).fields();
  const auto& auth = write.at("basic_auth").struct_value().fields();
  CHECK(auth.at("password").string_value() == "0123456");
  CHECK(auth.at("username").string_value() == "007");
  const auto& queue = write.at("queue_config").struct_value().fields();
  CHECK(queue.at("capacity").number_value() == 10000);
  CHECK(queue.at("max_backoff").string_value() == "1.10");
  const auto& config = t.grafana_servers(0).config().fields();
  CHECK(config.at("users.default_language").string_value() == "1.10");
  CHECK(config.at("server.x").bool_value());
  CHECK(config.at("log.y").string_value() == "99999999999999999999");
  // DM's keys have types of their own.
  const auto& master = t.server_configs().master().fields();
  CHECK(master.at("rpc-rate-limit").number_value() == 10);
  CHECK(master.at("openapi").bool_value());
  const std::string written = TopologyText(t);
  CHECK_THAT(written, Catch::Contains("users.default_language: 1.10\n"));
  CHECK_THAT(written, Catch::Contains("password: 0123456\n"));
}

TEST_CASE("an empty list of what is never shown says so") {
  const v1::Topology t = Parsed(R"(monitoring_servers:
- {host: a, additional_args: [], pushgateway_addrs: []}
- {host: b}
)");
  REQUIRE(t.monitoring_servers(0).additional_args_size() == 1);
  CHECK(t.monitoring_servers(0).additional_args(0).empty());
  CHECK(t.monitoring_servers(0).pushgateway_addrs().empty());
  CHECK(t.monitoring_servers(1).additional_args().empty());
}

TEST_CASE("the keys of monitoring are read") {
  const v1::Topology t = Parsed(R"(monitoring_servers:
- host: a
  storage_retention: 15d
  storage_retention_size: 50GB
  scrape_interval: 30s
  scrape_timeout: 5s
  enable_prom_agent_mode: True
  additional_args: ["--query.timeout=5m", --a]
  pushgateway_addrs: [b:9091]
  external_alertmanagers:
  - host: c
  - {host: d, web_port: 1}
  remote_config:
    remote_write:
    - url: http://x
      queue_config: {capacity: 5}
    remote_read: []
  additional_scrape_conf:
    metric_relabel_configs: [{action: drop}]
grafana_servers:
- host: a
  anonymous_enable: true
  root_url: http://x/g
  domain: x
  default_theme: light
  org_name: Us
  org_role: Editor
  config: {users.viewers_can_edit: true}
alertmanager_servers:
- host: a
  additional_args: [--log.format=json]
)");
  const v1::MonitoringServer& server = t.monitoring_servers(0);
  CHECK(server.storage_retention() == "15d");
  CHECK(server.storage_retention_size() == "50GB");
  CHECK(server.scrape_interval() == "30s");
  CHECK(server.scrape_timeout() == "5s");
  CHECK(server.enable_prom_agent_mode());
  CHECK(server.additional_args_size() == 2);
  CHECK(server.additional_args(0) == "--query.timeout=5m");
  CHECK(server.pushgateway_addrs(0) == "b:9091");
  CHECK(server.external_alertmanagers(0).host() == "c");
  CHECK(server.external_alertmanagers(1).web_port() == 1);
  REQUIRE(server.remote_config().remote_write_size() == 1);
  const auto& write = server.remote_config().remote_write(0).fields();
  CHECK(write.at("url").string_value() == "http://x");
  CHECK(write.at("queue_config").struct_value().fields().at("capacity").number_value() == 5);
  CHECK(server.additional_scrape_conf().fields_size() == 1);
  const v1::GrafanaServer& grafana = t.grafana_servers(0);
  CHECK(grafana.anonymous_enable());
  CHECK(grafana.root_url() == "http://x/g");
  CHECK(grafana.org_role() == "Editor");
  CHECK(grafana.config().fields().at("users.viewers_can_edit").bool_value());
  CHECK(t.alertmanager_servers(0).additional_args(0) == "--log.format=json");
}

TEST_CASE("values of the wrong kind in the monitoring are refused") {
  const auto mistakes = [](const std::string& entry) {
    return Texts(
        ParseTopology("monitoring_servers:\n- host: a\n  " + entry + "\n", "t.yaml").status());
  };
  using Expected = std::vector<std::string>;
  CHECK(mistakes("enable_prom_agent_mode: maybe") ==
        Expected{"t.yaml:3: enable_prom_agent_mode must be true or false, and is \"maybe\""});
  CHECK(mistakes("additional_args: --a") ==
        Expected{"t.yaml:3: additional_args must be a list, and is a value"});
  CHECK(mistakes("additional_args: [[a]]") ==
        Expected{"t.yaml:3: additional_args[0] must be one value, and is a list"});
  CHECK(mistakes("remote_config: {remote_writes: []}") ==
        Expected{"t.yaml:3: unknown key \"remote_writes\"; did you mean remote_write?"});
  CHECK(mistakes("remote_config: {remote_write: [a]}") ==
        Expected{"t.yaml:3: remote_write[0] must be a table of keys and values, and is a value"});
  for (const char* value : {".nan", ".inf", "-.INF", "1e999"}) {
    CHECK(mistakes(fmt::format("additional_scrape_conf: {{a: {}}}", value)) ==
          Expected{fmt::format("t.yaml:3: a must be a finite number: \"{}\"", value)});
  }
}

TEST_CASE("files that a topology names travel with it") {
  const test::TempDir folder;
  folder.Write("rules/b.rules.yml", "groups: []\n");
  folder.Write("rules/a.rules.yml", "groups: [] # a\n");
  folder.Write("rules/readme.txt", "no rules");
  folder.Write("dashboards/dm.json", "{}");
  folder.Write("am.yml", "route: {}\n");
  const std::string text = fmt::format(
      "monitoring_servers:\n- host: a\n  rule_dir: {0}/rules\n"
      "alertmanager_servers:\n- host: a\n  config_file: {0}/am.yml\n"
      "grafana_servers:\n- host: a\n  dashboard_dir: {0}/dashboards\n",
      folder.path());
  v1::Topology t = Parsed(text);
  REQUIRE(AttachFiles(text, "t.yaml", &t).ok());
  REQUIRE(t.monitoring_servers(0).rule_files_size() == 2);
  CHECK(t.monitoring_servers(0).rule_files(0).name() == "a.rules.yml");
  CHECK(t.monitoring_servers(0).rule_files(0).content() == "groups: [] # a\n");
  CHECK(t.alertmanager_servers(0).config_file_content().content() == "route: {}\n");
  REQUIRE(t.grafana_servers(0).dashboards_size() == 1);
  CHECK(t.grafana_servers(0).dashboards(0).name() == "dm.json");
}

TEST_CASE("files that cannot travel are named with their line") {
  const test::TempDir folder;
  fs::create_directory(folder / "empty");
  folder.Write("binary/x.rules.yml", std::string("a\n\0b", 4));
  folder.Write("large/x.rules.yml", std::string(4 << 20, ' '));
  struct Row {
    std::string path;
    std::string problem;
  };
  const std::string& dir = folder.path();
  const Row rows[] = {
      {"rules", "rules must be an absolute path on this machine"},
      {dir + "/none", dir + "/none: No such file or directory"},
      {dir + "/empty", dir + "/empty has no *.rules.yml"},
      {dir + "/binary", dir + "/binary/x.rules.yml line 2 is not UTF-8 text"},
      {dir + "/large",
       "with " + dir + "/large/x.rules.yml the files of the topology are more " + "than 3 MiB"},
  };
  for (const Row& row : rows) {
    const std::string text = "monitoring_servers:\n- host: a\n  rule_dir: " + row.path + "\n";
    v1::Topology t = Parsed(text);
    const auto texts = Texts(AttachFiles(text, "t.yaml", &t));
    CHECK(texts == std::vector<std::string>{"t.yaml:3: rule_dir: " + row.problem});
  }
}

}  // namespace
}  // namespace dmgr::client
