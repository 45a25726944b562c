// What the topology says of Prometheus, Alertmanager and Grafana.
#include <fmt/format.h>

#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

std::string WithMonitoring(const std::string& options) {
  return kMaster + "monitoring_servers { placement { host: \"10.0.0.1\" } " + options + " }";
}
std::string WithAlertmanager(const std::string& options) {
  return kMaster + "alertmanager_servers { placement { host: \"10.0.0.1\" } " + options + " }";
}
std::string WithGrafana(const std::string& options) {
  return WithMonitoring("") + "grafana_servers { placement { host: \"10.0.0.2\" } " + options +
         " }";
}

const Instance& Last(const Cluster& cluster) { return cluster.instances.back(); }

TEST_CASE("defaults and aliases of the monitoring") {
  const Cluster plain = Good(Input(WithMonitoring("")));
  CHECK(Last(plain).storage_retention == "30d");
  CHECK(Last(plain).monitoring.scrape_interval() == "15s");
  const Cluster old = Good(Input(WithMonitoring("storage_retention: \"7d\"")));
  CHECK(Last(old).storage_retention == "7d");
  const Cluster external =
      Good(Input(WithMonitoring("external_alertmanagers { host: \"10.9.9.9\" }")));
  CHECK(Last(external).monitoring.external_alertmanagers(0).web_port() == 9093);
}

TEST_CASE("Grafana's keys go into its configuration, and its own config wins") {
  const Cluster cluster = Good(Input(
      "server_configs { grafana { fields { key: \"users.default_theme\" value { string_value: "
      "\"dark\" } } fields { key: \"auth.anonymous.org_role\" value { string_value: \"Viewer\" } } "
      "} }" +
      WithGrafana("anonymous_enable: true org_name: \"Us\" org_role: \"Admin\" domain: \"g.org\" "
                  "root_url: \"https://g.org/grafana\" default_theme: \"light\" config { fields { "
                  "key: \"users.default_theme\" value { string_value: \"system\" } } }")));
  const auto& fields = Last(cluster).config.fields();
  CHECK(fields.at("users.default_theme").string_value() == "system");
  CHECK(fields.at("auth.anonymous.enabled").bool_value());
  CHECK(fields.at("auth.anonymous.org_name").string_value() == "Us");
  CHECK(fields.at("auth.anonymous.org_role").string_value() == "Admin");
  CHECK(fields.at("server.domain").string_value() == "g.org");
  CHECK(fields.at("server.root_url").string_value() == "https://g.org/grafana");
  CHECK(fields.at("server.serve_from_sub_path").bool_value());
  const Cluster bare = Good(Input(WithGrafana("root_url: \"https://g.org/\"")));
  CHECK(Last(bare).config.fields().count("server.serve_from_sub_path") == 0);
}

TEST_CASE("monitoring that is refused") {
  struct Row {
    std::string topology;
    std::string problem;
  };
  const std::string monitoring = "topology.monitoring_servers[0].";
  const std::string remote =
      "remote_config { remote_write { fields { key: \"url\" value { "
      "string_value: \"http://w\" } } } } enable_prom_agent_mode: true ";
  const Row rows[] = {
      {WithMonitoring("storage_retention: \"7h\""),
       monitoring + "storage_retention: \"7h\" is not a number of days such as \"15d\""},
      {WithMonitoring("storage_retention: \"7d\" storage_retention_time: \"8d\""),
       monitoring + "storage_retention: differs from storage_retention_time: leave it out"},
      {WithMonitoring("storage_retention_size: \"5 GB\""),
       monitoring + "storage_retention_size: \"5 GB\" is not a size such as \"50GB\""},
      {WithMonitoring("scrape_interval: \"1.5s\""),
       monitoring + "scrape_interval: \"1.5s\" is not a duration such as \"30s\""},
      {WithMonitoring("scrape_interval: \"0s\""),
       monitoring + "scrape_interval: \"0s\" is not a duration such as \"30s\""},
      {WithMonitoring("scrape_timeout: \"20s\""),
       monitoring + "scrape_timeout: 20s is longer than the scrape interval, 15s"},
      {WithMonitoring("additional_args: \"--ok=1\" additional_args: \"-x\""),
       monitoring + "additional_args[1]: \"-x\" is not one flag such as \"--query.timeout=5m\""},
      {WithMonitoring("additional_args: \"--config.file=x\""),
       monitoring + "additional_args[0]: --config.file must not be given: dmgr sets it"},
      {WithMonitoring("pushgateway_addrs: \"h\""),
       monitoring + "pushgateway_addrs[0]: \"h\" is not \"host:port\""},
      {WithMonitoring("pushgateway_addrs: \"fd00::1:9091\""),
       monitoring + "pushgateway_addrs[0]: \"fd00::1:9091\" is not \"host:port\""},
      {WithMonitoring("external_alertmanagers { host: \"a b\" }"),
       monitoring + "external_alertmanagers[0].host: \"a b\" is not a host name or an address"},
      {WithMonitoring("external_alertmanagers { host: \"a\" web_port: 65536 }"),
       monitoring + "external_alertmanagers[0].web_port: 65536 is not a port"},
      {WithMonitoring("remote_config { remote_read { } }"),
       monitoring + "remote_config.remote_read[0]: has no url"},
      {WithMonitoring("additional_scrape_conf { fields { key: \"job_name\" value { } } }"),
       monitoring + "additional_scrape_conf.job_name: must not be given: dmgr sets it"},
      {WithMonitoring(
           "additional_scrape_conf { fields { key: \"a\" value { number_value: nan } } }"),
       monitoring + "additional_scrape_conf.a: is not a number"},
      {WithMonitoring("rule_dir: \"/rules\""),
       monitoring + "rule_dir: no content of \"/rules\" came with the call"},
      {WithMonitoring("rule_files { name: \"../x.rules.yml\" }"),
       monitoring + "rule_dir: \"../x.rules.yml\" is not a file name of letters, digits and . _ - "
                    "that ends with .rules.yml"},
      {WithMonitoring("rule_files { name: \"a.rules.yml\" } rule_files { name: \"a.rules.yml\" }"),
       monitoring + "rule_dir: a.rules.yml is there twice"},
      {WithMonitoring("enable_prom_agent_mode: true"),
       monitoring + "enable_prom_agent_mode: an agent needs remote_config.remote_write to send to"},
      {WithMonitoring(remote + "storage_retention_size: \"1GB\""),
       monitoring + "storage_retention_size: does not go with enable_prom_agent_mode"},
      {WithAlertmanager("config_file: \"/am.yml\""),
       "topology.alertmanager_servers[0].config_file: no content of \"/am.yml\" came with the "
       "call"},
      {WithAlertmanager("additional_args: \"--storage.path=x\""),
       "topology.alertmanager_servers[0].additional_args[0]: --storage.path must not be given: "
       "dmgr sets it"},
      {WithGrafana("root_url: \"g.org\""),
       "topology.grafana_servers[0].root_url: \"g.org\" does not begin with http:// or https://"},
      {WithGrafana("domain: \"a b\""),
       "topology.grafana_servers[0].domain: \"a b\" is not a host name"},
      {WithGrafana("default_theme: \"pink\""),
       "topology.grafana_servers[0].default_theme: \"pink\" is none of dark, light and system"},
      {WithGrafana("org_role: \"boss\""),
       "topology.grafana_servers[0].org_role: \"boss\" is none of Viewer, Editor and Admin"},
      {WithGrafana("org_name: \"a\\nb\""),
       "topology.grafana_servers[0].org_name: must be one line of at most 190 bytes"},
      {WithGrafana("config { fields { key: \"server.http_port\" value { number_value: 1 } } }"),
       "topology.grafana_servers[0].config.server.http_port: must not be given: dmgr sets it from "
       "port"},
      {WithGrafana("dashboards { name: \"a.txt\" }"),
       "topology.grafana_servers[0].dashboard_dir: \"a.txt\" is not a file name of letters, digits "
       "and . _ - that ends with .json"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.topology);
    CHECK(ProblemsOf(Input(row.topology)) == std::vector<std::string>{row.problem});
  }
  CHECK(ProblemsOf(Input(WithMonitoring(remote))).empty());
}

TEST_CASE("options are taken out of a cluster and put back") {
  Cluster cluster = Good(Input(
      WithMonitoring("name: \"p1\" additional_args: \"--query.timeout=5m\" rule_files { name: "
                     "\"a.rules.yml\" content: \"x\" }") +
      "alertmanager_servers { placement { host: \"10.0.0.1\" } name: \"a1\" config_file_content { "
      "content: \"y\" } }"));
  const v1::Topology options = OptionsOf(cluster);
  Cluster bare = cluster;
  for (Instance& instance : bare.instances) {
    instance.monitoring.Clear();
    instance.alertmanager.Clear();
  }
  SetOptions(options, &bare);
  REQUIRE(bare.instances.size() == cluster.instances.size());
  for (std::size_t i = 0; i < bare.instances.size(); ++i) {
    CHECK(bare.instances[i].monitoring.SerializeAsString() ==
          cluster.instances[i].monitoring.SerializeAsString());
    CHECK(bare.instances[i].alertmanager.SerializeAsString() ==
          cluster.instances[i].alertmanager.SerializeAsString());
  }
  CHECK(bare.Of(Component::kPrometheus)[0]->monitoring.rule_files(0).content() == "x");
  CHECK(bare.Of(Component::kAlertmanager)[0]->alertmanager.config_file_content().content() == "y");

  v1::Topology shown = options;
  RemoveWriteOnly(&shown);
  CHECK(shown.monitoring_servers(0).rule_files().empty());
  CHECK_FALSE(shown.alertmanager_servers(0).has_config_file_content());
}

TEST_CASE("ten thousand instances are refused by one clear sentence") {
  ExpandInput input = Input(kMaster);
  for (int i = 0; i < 10000; ++i) input.topology.add_worker_servers();
  CHECK(ProblemsOf(input) ==
        std::vector<std::string>{"topology: has 10001 instances; a cluster can have 1000 at most"});
}

TEST_CASE("a list that is given as empty is empty, and one that is left out stays") {
  ExpandInput input = Input(kFull);
  input.topology.mutable_monitoring_servers(0)->add_additional_args("--query.timeout=5m");
  const Cluster now = Good(input);
  ExpandInput wanted = Input(kFull);
  KeepWriteOnly(now, input.topology, &wanted.topology);
  CHECK(Good(wanted).Of(Component::kPrometheus)[0]->monitoring.additional_args_size() == 1);
  wanted = Input(kFull);
  wanted.topology.mutable_monitoring_servers(0)->add_additional_args("");
  KeepWriteOnly(now, input.topology, &wanted.topology);
  CHECK(Good(wanted).Of(Component::kPrometheus)[0]->monitoring.additional_args().empty());
  wanted.topology.mutable_monitoring_servers(0)->add_additional_args("");
  CHECK(ProblemsOf(wanted).size() == 2);
}

}  // namespace
}  // namespace dmgr::topology
