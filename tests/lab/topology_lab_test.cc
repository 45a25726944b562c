// A topology that uses many of TiUP's keys at once, on real hosts with the real Prometheus and
// Alertmanager.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kMany[] = "many";

constexpr char kRules[] = R"(groups:
  - name: own
    rules:
      - alert: NobodyHome
        expr: up == 0
        labels: { env: ENV_LABELS_ENV }
)";
constexpr char kAlerts[] = R"(route: { receiver: "ours", group_wait: 1s }
receivers: [{ name: "ours" }]
)";

// By its path below the daemon's folder, which is on the machine of the command line, too.
std::string WriteLocal(Site& site, const std::string& path, const std::string& text) {
  const fs::path file = site.daemon().dir() / path;
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
  return file;
}

constexpr char kTopology[] = R"(global:
  user: tidb
  ssh_port: 22
  deploy_dir: /dm-many
  data_dir: /dm-many-data
  log_dir: /dm-many-log
  resource_control: {{ memory_limit: 2G, limit_core: infinity }}
server_configs:
  master: {{ log-level: info, rpc-timeout: 20s }}
  worker: {{ keepalive-ttl: 55 }}
master_servers:
  - host: {h1}
    name: first
    config: {{ log-level: debug }}
    resource_control: {{ cpu_quota: 150%, timeout_stop_sec: 77s }}
    ignore_exporter: true
  - {{ host: {h2}, ssh_port: 22, manage_host: {h2} }}
  - {{ host: {h3}, port: 18261, peer_port: 18291 }}
worker_servers:
  - host: {h1}
    deploy_dir: /dm-own/worker
    data_dir: /dm-own-data
    log_dir: /dm-own-log/log
    config: {{ log-level: warn }}
  - host: {h2}
monitoring_servers:
  - host: {h1}
    rule_dir: {rules}
    scrape_interval: 5s
    scrape_timeout: 4s
    storage_retention: 7d
    storage_retention_size: 1GB
    external_alertmanagers: [{{ host: 198.18.255.1 }}]
    additional_scrape_conf: {{ metric_relabel_configs: [{{ source_labels: [x], regex: "y.*", action: drop }}] }}
    remote_config: {{ remote_read: [{{ url: "http://127.0.0.1:1/", basic_auth: {{ username: u, password: "p'w" }} }}] }}
    additional_args: ["--query.timeout=77s", "--web.page-title=a $b 'c'"]
  - {{ host: {h2}, port: 19090, deploy_dir: /dm-own/prometheus }}
alertmanager_servers:
  - {{ host: {h2}, config_file: {alerts}, additional_args: [--log.format=json] }}
  - {{ host: {h3}, web_port: 19093, cluster_port: 19094, listen_host: {h3} }}
grafana_servers:
  - host: {h3}
    username: boss
    password: "a#b;`c"
    anonymous_enable: true
    org_role: Editor
    root_url: "http://{h3}:3000/"
    config: {{ users.default_theme: light }}
)";

std::string WriteMany(Site& site, const std::string& rules, const std::string& alerts) {
  const std::string rule = WriteLocal(site, "many/rules/own.rules.yml", rules);
  using fmt::arg;
  return site.WriteFile(
      "topology-many.yaml",
      fmt::format(kTopology, arg("h1", site.Address("h1")), arg("h2", site.Address("h2")),
                  arg("h3", site.Address("h3")),
                  arg("rules", fs::path(rule).parent_path().string()),
                  arg("alerts", WriteLocal(site, "many/alertmanager.yml", alerts))));
}

json Api(const std::string& address, const std::string& path) {
  const json reply = json::parse(HttpBody("http://" + address + path), nullptr, false);
  INFO(address << path);
  REQUIRE_FALSE(reply.is_discarded());
  return reply;
}

void CheckUnits(Site& site) {
  const auto property = [&](const char* host, const char* unit, const char* name) {
    return site.lab().Ssh(host, fmt::format("systemctl show -p {} --value {}", name, unit));
  };
  // The instance's own limits over those of all.
  CHECK(property("h1", "dm-master-8261", "CPUQuotaPerSecUSec") == "1.500000s\n");
  CHECK(property("h1", "dm-master-8261", "MemoryMax") == "2147483648\n");
  CHECK(property("h1", "dm-master-8261", "TimeoutStopUSec") == "1min 17s\n");
  CHECK(property("h2", "dm-master-8261", "CPUQuotaPerSecUSec") == "infinity\n");
  CHECK(property("h2", "dm-worker-8262", "MemoryMax") == "2147483648\n");
  CHECK(property("h2", "prometheus-19090", "LimitCORE") == "infinity\n");
}

void CheckConfigs(Site& site) {
  const auto has = [&](const char* host, const char* text, const char* file) {
    return site.lab().Ssh(host, fmt::format("grep -c '{}' {} || true", text, file)) != "0\n";
  };
  CHECK(has("h1", "log-level = \"debug\"", "/dm-many/dm-master-8261/conf/dm-master.toml"));
  CHECK(has("h2", "log-level = \"info\"", "/dm-many/dm-master-8261/conf/dm-master.toml"));
  CHECK(has("h1", "rpc-timeout = \"20s\"", "/dm-many/dm-master-8261/conf/dm-master.toml"));
  CHECK(has("h1", "log-level = \"warn\"", "/dm-own/worker/conf/dm-worker.toml"));
  CHECK(has("h1", "keepalive-ttl = 55", "/dm-own/worker/conf/dm-worker.toml"));
  CHECK(site.lab().Ssh("h1", "ls -d /dm-own-data/data /dm-own-log/log/dm-worker.log") ==
        "/dm-own-data/data\n/dm-own-log/log/dm-worker.log\n");
  // Two instances of one host never write one log.
  site.lab().Ssh("h2",
                 "test -s /dm-many-log/dm-master-8261/log/dm-master.log && "
                 "test -s /dm-many-log/dm-worker-8262/log/dm-worker.log");
  // What may hold a password is nobody else's to read.
  CHECK(site.lab().Ssh("h1", "stat -c '%a %U' /dm-many/prometheus-9090/conf/prometheus.yml") ==
        "600 tidb\n");
  CHECK(has("h3", "default_theme = `light`", "/dm-many/grafana-3000/conf/grafana.ini"));
  CHECK(has("h3", "admin_password = `a#b;`c`", "/dm-many/grafana-3000/conf/grafana.ini"));
}

void CheckPrometheus(Site& site) {
  const std::string first = site.Address("h1") + ":9090";
  const std::string second = site.Address("h2") + ":19090";
  const json rules = Api(first, "/api/v1/rules")["data"]["groups"];
  REQUIRE(rules.size() == 1);
  CHECK(rules[0]["rules"][0]["name"] == "NobodyHome");
  CHECK(rules[0]["rules"][0]["labels"]["env"] == kMany);
  CHECK_THAT(Api(second, "/api/v1/rules").dump(), Catch::Contains("DM_"));
  CHECK(Eventually([&] {
    return Api(first, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"].size() == 3 &&
           Api(second, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"].size() == 2;
  }));
  const json flags = Api(first, "/api/v1/status/flags")["data"];
  CHECK(flags["query.timeout"] == "1m17s");
  CHECK(flags["web.page-title"] == "a $b 'c'");
  CHECK(flags["storage.tsdb.retention.time"] == "1w");
  CHECK(flags["storage.tsdb.retention.size"] == "1GiB");
  const std::string config = Api(first, "/api/v1/status/config")["data"]["yaml"];
  CHECK_THAT(config, Catch::Contains("scrape_interval: 5s") && Catch::Contains("remote_read:") &&
                         Catch::Contains("regex: y.*"));
  // Each scrapes all; the external Alertmanager is told, and not scraped.
  for (const std::string& address : {first, second}) {
    std::string not_up;
    CHECK(Eventually(
        [&] {
          not_up.clear();
          const json targets = Api(address, "/api/v1/targets")["data"]["activeTargets"];
          for (const auto& target : targets) {
            if (target["health"] != "up") not_up += target.dump() + "\n";
          }
          return targets.size() == 10 && not_up.empty();
        },
        std::chrono::seconds(60)));
    CHECK(not_up == "");
  }
}

void CheckAlertmanagers(Site& site) {
  const auto status = [&](const char* host, int port) {
    return Api(fmt::format("{}:{}", site.Address(host), port), "/api/v2/status");
  };
  CHECK(Eventually([&] { return status("h2", 9093)["cluster"]["peers"].size() == 2; },
                   std::chrono::seconds(30)));
  CHECK(status("h3", 19093)["cluster"]["peers"].size() == 2);
  const std::string own = status("h2", 9093)["config"]["original"];
  CHECK_THAT(own, Catch::Contains("ours"));
  const std::string default_one = status("h3", 19093)["config"]["original"];
  CHECK_THAT(default_one, Catch::Contains("blackhole"));
}

constexpr char kBelow[] = R"(global: {{ deploy_dir: /dm-below }}
server_configs:
  grafana: {{ smtp.enabled: true, smtp.password: "s3cret of all" }}
master_servers:
  - host: {h1}
monitoring_servers:
  - host: {h1}
    scrape_interval: 1s
    external_labels: {{ env: prod, cluster: all }}
    additional_args: ["--web.external-url=http://{h1}:9090/prom/"]
  - {{ host: {h2}, additional_args: ["--web.route-prefix=/p2"] }}
alertmanager_servers:
  - {{ host: {h1}, additional_args: ["--web.route-prefix=/am"] }}
grafana_servers:
  - host: {h2}
    root_url: "http://{h2}:3000/grafana/"
    ldap_config_file: {ldap}
    config: {{ auth.generic_oauth.client_secret: "0auth" }}
)";

void CheckBelow(Site& site) {
  const json status = site.Status("below");
  INFO(status.dump(2));
  CHECK(status["healthy"] == true);
  const std::string first = site.Address("h1") + ":9090/prom";
  std::string seen;
  CHECK(Eventually(
      [&] {
        const json targets = Api(first, "/api/v1/targets")["data"]["activeTargets"];
        seen = targets.dump(2);
        return targets.size() == 5 &&
               std::all_of(targets.begin(), targets.end(),
                           [](const auto& t) { return t["health"] == "up"; });
      },
      std::chrono::seconds(30)));
  INFO(seen);
  CHECK(Eventually([&] {
    const json managers = Api(first, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"];
    return managers.size() == 1 &&
           managers[0]["url"].get<std::string>().find("/am/api/") != std::string::npos;
  }));
  CHECK_THAT(Api(first, "/api/v1/status/config").dump(),
             Catch::Contains("env: prod") && Catch::Contains("cluster: all"));
}

TEST_CASE("monitoring works below paths, with labels, and keeps its secrets", "[lab][topology]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string ldap =
      WriteLocal(site, "below/ldap.toml", "[[servers]]\nbind_password = 'ldap s3cret'\n");
  using fmt::arg;
  const std::string file =
      site.WriteFile("below.yaml", fmt::format(kBelow, arg("h1", site.Address("h1")),
                                               arg("h2", site.Address("h2")), arg("ldap", ldap)));
  site.MustCtl({"cluster", "deploy", "below", kVersion, file, "--yes"});
  site.MustCtl({"cluster", "start", "below"});
  CheckBelow(site);
  const auto ini = [&] {
    return site.lab().Ssh("h2", "cat /dm-below/grafana-3000/conf/grafana.ini");
  };
  CHECK_THAT(ini(), Catch::Contains("password = `s3cret of all`") &&
                        Catch::Contains("client_secret = `0auth`"));
  CHECK(site.lab().Ssh("h2", "stat -c %a /dm-below/grafana-3000/conf/ldap.toml") == "600\n");
  const auto sources = [&] {
    return site.lab().Ssh("h2",
                          "cat /dm-below/grafana-3000/provisioning/datasources/datasource.yml");
  };
  const std::string before = sources();
  CHECK_THAT(before, Catch::Contains(":9090/p2\"") && !Catch::Contains("deleteDatasources"));

  // Nobody is shown them, and a change of something else keeps them.
  std::string shown = site.MustCtl({"cluster", "show-config", "below"}).out;
  CHECK_THAT(shown, !Catch::Contains("s3cret") && !Catch::Contains("0auth"));
  CHECK_THAT(site.MustCtl({"operation", "list", "-o", "json"}).out,
             !Catch::Contains("s3cret") && !Catch::Contains("0auth"));
  const auto interval = shown.find("scrape_interval: 1s");
  REQUIRE(interval != std::string::npos);
  shown.replace(interval, 19, "scrape_interval: 2s");
  const auto theme = shown.find("    root_url:");
  REQUIRE(theme != std::string::npos);
  shown.insert(theme, "    default_theme: light\n");
  site.MustCtl({"cluster", "edit-config", "below", "--file", site.WriteFile("below-2.yaml", shown),
                "--yes"});
  site.MustCtl({"cluster", "reload", "below", "--yes"});
  CheckBelow(site);
  CHECK_THAT(ini(), Catch::Contains("password = `s3cret of all`") &&
                        Catch::Contains("client_secret = `0auth`") &&
                        Catch::Contains("default_theme = `light`"));
  CHECK(sources() == before);
  site.MustCtl({"cluster", "destroy", "below", "--yes"});
}

TEST_CASE("many keys of a topology take effect at once", "[lab][topology]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.MustCtl({"cluster", "deploy", kMany, kVersion, WriteMany(site, kRules, kAlerts), "--yes"});
  site.MustCtl({"cluster", "start", kMany});
  const json status = site.Status(kMany);
  INFO(status.dump(2));
  CHECK(status["healthy"] == true);
  CHECK(status["instances"].size() == 10);
  CheckUnits(site);
  CheckConfigs(site);
  CheckPrometheus(site);
  CheckAlertmanagers(site);
  // What was asked for is shown without what may hold secrets.
  const std::string shown = site.MustCtl({"cluster", "show", kMany, "-o", "json"}).out;
  CHECK_THAT(shown, Catch::Contains("scrape_interval") && !Catch::Contains("p'w") &&
                        !Catch::Contains("NobodyHome"));
  site.MustCtl({"cluster", "destroy", kMany, "--yes"});
}

TEST_CASE("what promtool and amtool refuse is told in their words, before a start",
          "[lab][topology]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string file =
      WriteMany(site, "groups: [{name: own, rules: [{alert: X, expr: 'sum('}]}]\n",
                "route: { receiver: nobody }\nreceivers: []\n");
  const Result refused = site.Ctl({"cluster", "deploy", kMany, kVersion, file, "--yes"});
  CHECK(refused.exit_code == 1);
  const json list = site.Json({"operation", "list", "--cluster", kMany})["operations"];
  REQUIRE_FALSE(list.empty());
  const std::string shown =
      site.Json({"operation", "show", list[0]["operation_id"].get<std::string>()}).dump();
  INFO(shown);
  CHECK_THAT(shown, Catch::Contains("promtool refuses /dm-many/prometheus-9090/conf/") &&
                        Catch::Contains("unclosed left parenthesis"));
  CHECK_THAT(shown, Catch::Contains("amtool refuses /dm-many/alertmanager-9093/conf/") &&
                        Catch::Contains("nobody"));
  CHECK(site.lab().Ssh("h1", "ls /etc/systemd/system/prometheus-9090.service || true") == "");
  site.MustCtl({"cluster", "destroy", kMany, "--yes"});
}

}  // namespace
}  // namespace dmgr::testing
