// Files of Prometheus, Alertmanager and Grafana.
#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "tests/unit/render/support.h"

namespace dmgr::render {

TEST_CASE("prometheus.yml is YAML with every target") {
  Fixture f;
  const YAML::Node yaml = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(yaml["global"]["external_labels"]["cluster"].as<std::string>() == "c1");
  CHECK(yaml["rule_files"].as<std::vector<std::string>>() ==
        std::vector<std::string>{"blackbox_exporter.rules.yml", "dm_worker.rules.yml",
                                 "node_exporter.rules.yml"});
  std::map<std::string, std::vector<std::string>> targets;
  std::map<std::string, YAML::Node> jobs;
  for (const auto& job : yaml["scrape_configs"]) {
    jobs.emplace(job["job_name"].as<std::string>(), job);
    auto& addresses = targets[job["job_name"].as<std::string>()];
    for (const auto& config : job["static_configs"]) {
      for (const auto& target : config["targets"]) addresses.push_back(target.as<std::string>());
    }
  }
  CHECK(targets ==
        std::map<std::string, std::vector<std::string>>{
            {"dm_master", {"10.0.0.1:8261", "10.0.0.2:8261"}},
            {"dm_worker", {"10.0.0.1:8262", "10.0.0.2:8262"}},
            {"prometheus", {"10.0.0.1:9090"}},
            {"alertmanager", {"10.0.0.1:9093", "10.0.0.2:9093"}},
            {"grafana", {"10.0.0.1:3000"}},
            {"overwritten-nodes", {"10.0.0.1:9100"}},
            {"blackbox_exporter", {"10.0.0.1:9115"}},
            {"monitor_port_probe",
             {"10.0.0.1:8261", "10.0.0.1:8262", "10.0.0.1:9093", "10.0.0.2:8261", "10.0.0.2:8262",
              "10.0.0.2:9093", "10.0.0.1:9090", "10.0.0.1:9100", "10.0.0.1:9115", "10.0.0.1:3000"}},
            {"blackbox_exporter_10.0.0.1:9115_icmp", {"10.0.0.1", "10.0.0.2"}},
            {"overwritten-cluster", {}}});
  const YAML::Node probe = jobs["blackbox_exporter_10.0.0.1:9115_icmp"];
  CHECK(probe["params"]["module"][0].as<std::string>() == "icmp");
  CHECK(probe["relabel_configs"][2]["replacement"].as<std::string>() == "10.0.0.1:9115");
  REQUIRE(yaml["alerting"]["alertmanagers"].size() == 3);
  CHECK(yaml["alerting"]["alertmanagers"][0]["path_prefix"].as<std::string>() == "/");
  CHECK(f.Text(Component::kPrometheus, "conf/dm_worker.rules.yml") == "groups: [] # c1 and c1\n");

  std::erase_if(f.cluster.instances, [](const Instance& instance) {
    return instance.component == Component::kAlertmanager;
  });
  const YAML::Node without = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(without["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"].IsSequence());
}

google::protobuf::Struct FromJson(const std::string& json) {
  google::protobuf::Struct parsed;
  REQUIRE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok());
  return parsed;
}

TEST_CASE("what the topology says of Prometheus is in its files") {
  Fixture f;
  v1::MonitoringServer& options = f.First(Component::kPrometheus).monitoring;
  options.set_scrape_interval("30s");
  options.set_scrape_timeout("7s");
  options.set_storage_retention_size("50GB");
  options.add_additional_args("--query.timeout=5m");
  options.add_additional_args("--web.page-title=a \"b\" $c");
  options.add_pushgateway_addrs("10.0.0.8:9091");
  auto* other = options.add_external_alertmanagers();
  other->set_host("fd00::9");
  other->set_web_port(9093);
  *options.mutable_remote_config()->add_remote_write() = FromJson(
      R"({"url": "http://w/?a=1&b=<2>", "basic_auth": {"password": "p: #\"x'{{y}}\n$z"}})");
  *options.mutable_remote_config()->add_remote_read() = FromJson(R"({"url": "http://r/"})");
  *options.mutable_additional_scrape_conf() =
      FromJson(R"({"metric_relabel_configs": [{"action": "drop", "regex": "go_.*"}]})");

  const RenderedFile file = f.File(Component::kPrometheus, "conf/prometheus.yml");
  CHECK(file.secret);
  CHECK(file.mode == 0600);
  CAPTURE(file.content);
  const YAML::Node yaml = YAML::Load(file.content);
  CHECK(yaml["global"]["scrape_interval"].as<std::string>() == "30s");
  CHECK(yaml["global"]["scrape_timeout"].as<std::string>() == "7s");
  const YAML::Node managers = yaml["alerting"]["alertmanagers"];
  REQUIRE(managers.size() == 3);
  CHECK(managers[2]["static_configs"][0]["targets"][0].as<std::string>() == "[fd00::9]:9093");
  CHECK(yaml["remote_write"][0]["url"].as<std::string>() == "http://w/?a=1&b=<2>");
  CHECK(yaml["remote_write"][0]["basic_auth"]["password"].as<std::string>() == "p: #\"x'{{y}}\n$z");
  CHECK(yaml["remote_read"][0]["url"].as<std::string>() == "http://r/");
  REQUIRE(yaml["scrape_configs"].size() == 10);
  for (const auto& job : yaml["scrape_configs"]) {
    // Those that probe are no scrapes of what answers.
    if (job["params"].IsDefined()) continue;
    CHECK(job["metric_relabel_configs"][0]["regex"].as<std::string>() == "go_.*");
  }
  CHECK(yaml["scrape_configs"][9]["static_configs"][0]["targets"][0].as<std::string>() ==
        "10.0.0.8:9091");
  const std::string script = f.Text(Component::kPrometheus, "scripts/run_prometheus.sh");
  CHECK_THAT(script, Catch::Contains("--storage.tsdb.retention.size=\"50GB\" \\\n") &&
                         Catch::Contains("    \"--query.timeout=5m\" \\\n") &&
                         Catch::Contains(R"(    "--web.page-title=a \"b\" \$c" \)"));
}

TEST_CASE("a cluster without exporters probes nothing") {
  Fixture f;
  std::erase_if(f.cluster.instances,
                [](const Instance& one) { return topology::IsExporter(one.component); });
  const YAML::Node yaml = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(yaml["scrape_configs"].size() == 6);
  CHECK(yaml["rule_files"].as<std::vector<std::string>>() ==
        std::vector<std::string>{"dm_worker.rules.yml"});
  for (const auto& file : f.MustRender(Component::kGrafana).files) {
    CHECK_FALSE(file.path.ends_with("/hosts.json"));
  }
  // What it shares with another cluster is as good as its own.
  Instance shared;
  shared.component = Component::kBlackboxExporter;
  shared.host = "10.0.0.2";
  shared.port = 9115;
  f.cluster.borrowed = {shared};
  CHECK_THAT(f.Text(Component::kPrometheus, "conf/prometheus.yml"),
             Catch::Contains("blackbox_exporter_10.0.0.2:9115_icmp"));
}

TEST_CASE("whoever asks Prometheus, Alertmanager or Grafana follows their paths") {
  Fixture f;
  auto& prometheus = f.First(Component::kPrometheus);
  prometheus.monitoring.add_additional_args("--web.external-url=https://mon.example/prom/");
  f.First(Component::kAlertmanager).alertmanager.add_additional_args("--web.route-prefix=/am");
  auto& config = *f.First(Component::kGrafana).config.mutable_fields();
  config["server.root_url"].set_string_value("https://mon.example/grafana/");
  config["server.serve_from_sub_path"].set_bool_value(true);
  CHECK(prometheus.WebPath() == "/prom");
  const YAML::Node yaml = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(yaml["alerting"]["alertmanagers"][0]["path_prefix"].as<std::string>() == "/am/");
  CHECK(yaml["alerting"]["alertmanagers"][1]["path_prefix"].as<std::string>() == "/");
  std::map<std::string, std::string> paths;
  for (const auto& job : yaml["scrape_configs"]) {
    const auto labels = job["static_configs"][0]["labels"];
    if (!labels.IsDefined()) continue;
    paths[job["job_name"].as<std::string>()] = labels["__metrics_path__"].as<std::string>();
  }
  CHECK(paths == std::map<std::string, std::string>{{"prometheus", "/prom/metrics"},
                                                    {"alertmanager", "/am/metrics"},
                                                    {"grafana", "/grafana/metrics"}});
  const std::string script = f.Text(Component::kPrometheus, "scripts/run_prometheus.sh");
  CHECK_THAT(script, Catch::Contains("--web.external-url=\"https://mon.example/prom/\""));
  CHECK(script.find("web.external-url") == script.rfind("web.external-url"));
  CHECK_THAT(f.Text(Component::kGrafana, "provisioning/datasources/datasource.yml"),
             Catch::Contains("url: \"http://10.0.0.1:9090/prom\""));
  // A path of its own for its pages' addresses only.
  prometheus.monitoring.add_additional_args("--web.route-prefix=/");
  CHECK(prometheus.WebPath().empty());
}

TEST_CASE("labels for others are in prometheus.yml, and may replace those of dmgr") {
  Fixture f;
  auto& labels = *f.First(Component::kPrometheus).monitoring.mutable_external_labels();
  (*labels.mutable_fields())["env"].set_string_value("prod: \"a\"");
  const auto given = [&] {
    return YAML::Load(
               f.Text(Component::kPrometheus, "conf/prometheus.yml"))["global"]["external_labels"]
        .as<std::map<std::string, std::string>>();
  };
  CHECK(given() == std::map<std::string, std::string>{
                       {"cluster", "c1"}, {"monitor", "prometheus"}, {"env", "prod: \"a\""}});
  (*labels.mutable_fields())["cluster"].set_string_value("all");
  CHECK(given().at("cluster") == "all");
}

TEST_CASE("each Prometheus is a data source, whose uid stays; a former name's is deleted") {
  Fixture f;
  f.cluster.instances.push_back(MakeInstance(Component::kPrometheus, 2, 9090));
  const auto sources = [&] {
    return YAML::Load(f.Text(Component::kGrafana, "provisioning/datasources/datasource.yml"));
  };
  const YAML::Node yaml = sources();
  CHECK_FALSE(yaml["deleteDatasources"].IsDefined());
  REQUIRE(yaml["datasources"].size() == 2);
  CHECK(yaml["datasources"][0]["name"].as<std::string>() == "c1");
  const auto uid = [](const YAML::Node& all, int i) {
    return all["datasources"][i]["uid"].as<std::string>();
  };
  // As Grafana takes it.
  for (int i : {0, 1}) {
    CHECK(uid(yaml, i).size() <= 40);
    CHECK(uid(yaml, i).find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  CHECK(uid(yaml, 0) != uid(yaml, 1));
  CHECK(uid(sources(), 0) == uid(yaml, 0));
  CHECK(yaml["datasources"][0]["isDefault"].as<bool>());
  CHECK(yaml["datasources"][1]["name"].as<std::string>() == "c1 2");
  CHECK(yaml["datasources"][1]["url"].as<std::string>() == "http://10.0.0.2:9090");
  CHECK_FALSE(yaml["datasources"][1]["isDefault"].as<bool>());
  // Grafana has to forget it by its former name before it takes it by the new one.
  f.cluster.name = "c2";
  f.cluster.former_names = {"c1"};
  const YAML::Node renamed = sources();
  const auto deleted = [](const YAML::Node& all) {
    std::vector<std::string> names;
    for (const auto& one : all["deleteDatasources"]) {
      CHECK(one["orgId"].as<int>() == 1);
      names.push_back(one["name"].as<std::string>());
    }
    return names;
  };
  CHECK(deleted(renamed) == std::vector<std::string>{"c1", "c1 2"});
  REQUIRE(renamed["datasources"].size() == 2);
  CHECK(renamed["datasources"][0]["name"].as<std::string>() == "c2");
  CHECK(renamed["datasources"][1]["name"].as<std::string>() == "c2 2");
  for (int i : {0, 1}) CHECK(uid(renamed, i) == uid(yaml, i));
  // Back again: what is there is not deleted.
  f.cluster.name = "c1";
  f.cluster.former_names = {"c1", "c2"};
  const YAML::Node back = sources();
  CHECK(deleted(back) == std::vector<std::string>{"c2", "c2 2"});
  for (int i : {0, 1}) CHECK(uid(back, i) == uid(yaml, i));
}

TEST_CASE("secrets and ldap.toml reach Grafana in files that only it reads") {
  Fixture f;
  v1::GrafanaServer& own = f.First(Component::kGrafana).grafana;
  (*own.mutable_secret_config()->mutable_fields())["smtp.password"].set_string_value("a#b;`c");
  own.mutable_ldap_config_content()->set_content("[[servers]]\nbind_password = 'x'\n");
  const RenderedFile ini = f.File(Component::kGrafana, "conf/grafana.ini");
  CHECK(ini.mode == 0600);
  CHECK_THAT(ini.content, Catch::Contains("[smtp]\npassword = `a#b;`c`\n") &&
                              Catch::Contains("/conf/ldap.toml`\n"));
  const RenderedFile ldap = f.File(Component::kGrafana, "conf/ldap.toml");
  CHECK(ldap.mode == 0600);
  CHECK(ldap.secret);
  CHECK(ldap.content == own.ldap_config_content().content());
}

TEST_CASE("an agent has no rules, no alerts and no data base") {
  Fixture f;
  v1::MonitoringServer& options = f.First(Component::kPrometheus).monitoring;
  options.set_enable_prom_agent_mode(true);
  *options.mutable_remote_config()->add_remote_write() = FromJson(R"({"url": "http://w/"})");
  const YAML::Node yaml = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK_FALSE(yaml["rule_files"].IsDefined());
  CHECK_FALSE(yaml["alerting"].IsDefined());
  const std::string script = f.Text(Component::kPrometheus, "scripts/run_prometheus.sh");
  CHECK_THAT(script, Catch::Contains("--enable-feature=agent") &&
                         Catch::Contains("--storage.agent.path=") && !Catch::Contains("tsdb"));
  // It answers no queries.
  CHECK_FALSE(YAML::Load(f.Text(Component::kGrafana,
                                "provisioning/datasources/datasource.yml"))["datasources"]
                  .IsDefined());
}

TEST_CASE("files of the caller take the place of the package's") {
  Fixture f;
  Instance& prometheus = f.First(Component::kPrometheus);
  auto* rules = prometheus.monitoring.add_rule_files();
  rules->set_name("own.rules.yml");
  rules->set_content("groups: [] # ENV_LABELS_ENV\n");
  const RenderedInstance rendered = f.MustRender(Component::kPrometheus);
  int rule_files = 0;
  for (const auto& file : rendered.files) rule_files += file.path.ends_with(".rules.yml") ? 1 : 0;
  CHECK(rule_files == 1);
  CHECK(f.Text(Component::kPrometheus, "conf/own.rules.yml") == "groups: [] # c1\n");
  CHECK(YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"))["rule_files"]
            .as<std::vector<std::string>>() == std::vector<std::string>{"own.rules.yml"});

  Instance& alertmanager = f.First(Component::kAlertmanager);
  CHECK_FALSE(f.File(Component::kAlertmanager, "conf/alertmanager.yml").secret);
  alertmanager.alertmanager.mutable_config_file_content()->set_content("route: {}\n");
  const RenderedFile config = f.File(Component::kAlertmanager, "conf/alertmanager.yml");
  CHECK(config.content == "route: {}\n");
  CHECK(config.secret);

  auto* dashboard = f.First(Component::kGrafana).grafana.add_dashboards();
  dashboard->set_name("own.json");
  dashboard->set_content(R"({"title": "Test-Cluster-own"})");
  CHECK(f.Text(Component::kGrafana, "dashboards/own.json") == R"({"title": "c1-own"})");
  for (const auto& file : f.MustRender(Component::kGrafana).files) {
    CHECK_FALSE(file.path.ends_with("/dm.json"));
  }
}

TEST_CASE("placeholders of PingCAP's dashboards become the cluster's name, once") {
  Fixture f;
  // A name that looks like a placeholder itself.
  f.cluster.name = "my-test-cluster";
  f.package["grafana/dashboards/DM-Monitor-Professional.json"] =
      R"({"__inputs": [{"name": "DS_TEST-CLUSTER", "label": "prometheus-local"}],
          "title": "Test-Cluster-DM-Professional", "panels": [{"datasource": "${DS_TEST-CLUSTER}"},
          {"datasource": "${DS_PROMETHEUS}", "legend": "{{task}} $task ${source} DS_X T test"}]})";
  const auto json =
      nlohmann::json::parse(f.Text(Component::kGrafana, "dashboards/DM-Monitor-Professional.json"));
  CHECK(json["title"] == "my-test-cluster-DM-Professional");
  CHECK(json["__inputs"][0]["name"] == "my-test-cluster");
  CHECK(json["panels"][0]["datasource"] == "my-test-cluster");
  CHECK(json["panels"][1]["datasource"] == "my-test-cluster");
  CHECK(json["panels"][1]["legend"] == "{{task}} $task ${source} DS_X T test");
}

TEST_CASE("what the templates of an older package would ignore is refused") {
  Fixture f;
  std::string& script = f.package["template/run_prometheus.sh.tmpl"];
  const auto begin = script.find("{{#additional_args}}");
  script.erase(begin, script.find("{{/additional_args}}") + 20 - begin);
  f.MustRender(Component::kPrometheus);
  f.First(Component::kPrometheus).monitoring.add_additional_args("--query.timeout=5m");
  CHECK_THAT(f.Failure(Component::kPrometheus),
             Catch::Contains("the topology gives additional_args for prometheus-1"));
}

TEST_CASE("Grafana's password reaches Grafana whatever is in it") {
  for (const std::string password :
       {"secret", "a#b;c", "`", "a`b`", "\"quoted\"", "'single'", "back\\slash\\", "  blanks  ",
        "50%", "$HOME", "{{x}}", "<&>", "\"\"\"", "=x:", "pa$$word", "%(open", ""}) {
    Fixture f;
    f.password = password;
    const RenderedFile ini = f.File(Component::kGrafana, "conf/grafana.ini");
    CHECK(ini.secret);
    CHECK(ini.mode == 0600);
    CHECK(IniValue(ini.content, "admin_password") == password);
    CHECK(IniValue(ini.content, "http_port") == "3000");
  }
  // Grafana itself replaces these: refused, and the value is not told.
  for (const std::string password : {"a%(admin_user)sb", "${HOME}", "$__file{/etc/hostname}"}) {
    Fixture f;
    f.password = password;
    const std::string message = f.Failure(Component::kGrafana);
    CHECK(message.find("{{admin_password}}") != std::string::npos);
    CHECK(message.find(password) == std::string::npos);
  }
}

TEST_CASE("Grafana's other files") {
  Fixture f;
  const YAML::Node source =
      YAML::Load(f.Text(Component::kGrafana, "provisioning/datasources/datasource.yml"));
  CHECK(source["datasources"][0]["name"].as<std::string>() == "c1");
  CHECK(source["datasources"][0]["url"].as<std::string>() == "http://10.0.0.1:9090");
  CHECK(source["datasources"][0]["isDefault"].as<bool>());
  const YAML::Node provider =
      YAML::Load(f.Text(Component::kGrafana, "provisioning/dashboards/dashboard.yml"));
  CHECK(provider["providers"][0]["folder"].as<std::string>() == "c1");
  CHECK(provider["providers"][0]["options"]["path"].as<std::string>() ==
        "/dm/grafana-3000/dashboards");
  for (const char* name : {"dashboards/dm.json", "dashboards/dm_instances.json"}) {
    const std::string text = f.Text(Component::kGrafana, name);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["panels"][0]["datasource"] == "c1");
    CHECK(json["title"].get<std::string>().starts_with("c1-DM-"));
    CHECK(text.find("TEST-CLUSTER") == std::string::npos);
    CHECK(text.find("test-cluster") == std::string::npos);
  }
  f.First(Component::kGrafana).config = Config({{"auth.anonymous.enabled", Bool(true)},
                                                {"server.http_port", Number(3001)},
                                                {"smtp.from_name", String("a#b;`c`")},
                                                {"app_mode", String("production")}});
  const std::string ini = f.Text(Component::kGrafana, "conf/grafana.ini");
  CHECK(IniValue(ini, "http_port") == "3001");
  CHECK(IniValue(ini, "from_name") == "a#b;`c`");
  CHECK(ini.find("[auth.anonymous]\nenabled = `true`\n") != std::string::npos);
  CHECK(ini.find("[DEFAULT]\napp_mode = `production`\n") != std::string::npos);
  f.First(Component::kGrafana).config = Config({{"smtp.x", String("a\n[security]")}});
  CHECK_FALSE(f.TryRender(Component::kGrafana).ok());
  f.First(Component::kGrafana).config = Config({{"smtp].x", String("a")}});
  CHECK_FALSE(f.TryRender(Component::kGrafana).ok());
}
TEST_CASE("numbers that are written in another way stay as they are written") {
  Fixture f;
  v1::MonitoringServer& options = f.First(Component::kPrometheus).monitoring;
  *options.mutable_remote_config()->add_remote_write() = FromJson(
      R"({"url": "http://w/", "basic_auth": {"password": "0123456"}, "list": ["1.10", "12", 1.1]})");
  const std::string text = f.Text(Component::kPrometheus, "conf/prometheus.yml");
  CHECK_THAT(text, Catch::Contains(R"("password": 0123456)"));
  CHECK_THAT(text, Catch::Contains(R"("list": [1.10, "12", 1.1])"));
  const YAML::Node write = YAML::Load(text)["remote_write"][0];
  CHECK(write["basic_auth"]["password"].Scalar() == "0123456");
  CHECK(write["url"].Scalar() == "http://w/");
}

}  // namespace dmgr::render
