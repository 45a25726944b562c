// node_exporter and blackbox_exporter on real hosts: Debian's, beside the real Prometheus.
#include <fmt/format.h>

#include <set>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using Catch::Contains;
using nlohmann::json;

constexpr char kFirst[] = "first";
constexpr char kSecond[] = "second";

// A dm-master on each of these hosts, and a Prometheus on the first.
std::string WriteMonitored(Site& site, const std::string& name, int shift,
                           const std::vector<std::string>& hosts, const std::string& more) {
  std::string text =
      fmt::format("global: {{ user: tidb, deploy_dir: /dm-{} }}\nmaster_servers:\n", name);
  for (const auto& host : hosts) {
    text += fmt::format("  - {{ host: {}, port: {}, peer_port: {} }}\n", site.Address(host),
                        8261 + shift, 8291 + shift);
  }
  text += fmt::format("monitoring_servers:\n  - {{ host: {}, port: {}, scrape_interval: 1s }}\n",
                      site.Address(hosts[0]), 9090 + shift);
  return site.WriteFile(name + ".yaml", text + more);
}

void Deploy(Site& site, const std::string& name, int shift, const std::vector<std::string>& hosts,
            const std::string& more = "monitored: {}\n") {
  site.MustCtl({"cluster", "deploy", name, kVersion, WriteMonitored(site, name, shift, hosts, more),
                "--yes"});
  site.MustCtl({"cluster", "start", name});
}

json Query(Site& site, const std::string& host, int port, const std::string& query) {
  const json reply = json::parse(
      HttpBody(fmt::format("http://{}:{}/api/v1/query?query={}", site.Address(host), port, query)),
      nullptr, false);
  return reply.is_discarded() ? json::array() : reply["data"]["result"];
}

// The values of a query that are "1".
std::size_t Ones(Site& site, int port, const std::string& query) {
  std::size_t ones = 0;
  for (const auto& one : Query(site, "h1", port, query)) ones += one["value"][1] == "1" ? 1 : 0;
  return ones;
}

std::string Units(Site& site, const std::string& host) {
  return site.lab().Ssh(host,
                        "systemctl list-units --all --plain --no-legend '*exporter*' | "
                        "awk '{print $1, $3}'");
}

constexpr char kBoth[] =
    "blackbox-exporter-9115.service active\nnode-exporter-9100.service active\n";

void CheckProbes(Site& site, int port, std::size_t hosts, std::size_t instances) {
  CHECK(Eventually([&] { return Ones(site, port, "up{job=\"overwritten-nodes\"}") == hosts; },
                   std::chrono::seconds(30)));
  CHECK(Eventually([&] { return Ones(site, port, "up{job=\"blackbox_exporter\"}") == hosts; }));
  // Each reaches each, which its unit must let it do.
  CHECK(Eventually(
      [&] {
        return Ones(site, port, "probe_success{job=~\"blackbox_exporter_.*_icmp\"}") ==
               hosts * hosts;
      },
      std::chrono::seconds(30)));
  CHECK(Eventually(
      [&] { return Ones(site, port, "probe_success{job=\"monitor_port_probe\"}") == instances; },
      std::chrono::seconds(60)));
}

TEST_CASE("monitored puts real exporters on every host, where Prometheus finds them",
          "[lab][monitored]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  Deploy(site, kFirst, 0, {"h1", "h2", "h3"},
         "monitored: { resource_control: { memory_limit: 1G } }\n");
  const json status = site.Status(kFirst);
  INFO(status.dump(2));
  CHECK(status["healthy"] == true);
  CHECK(status["instances"].size() == 10);
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance) == "node-exporter") CHECK_THAT(instance["version"], Contains("1.5"));
  }
  for (const auto& host : Site::Hosts()) CHECK(Units(site, host) == kBoth);
  // 3 dm-masters, Prometheus, 3 of each exporter.
  CheckProbes(site, 9090, 3, 10);
  CHECK_THAT(Query(site, "h1", 9090, "node_uname_info").dump(), Contains("overwritten-nodes"));
  const std::string rules =
      HttpBody(fmt::format("http://{}:9090/api/v1/rules", site.Address("h1")));
  CHECK_THAT(rules, Contains("NODE_disk_readonly") && Contains("BLACKBOX_host_is_not_reached"));
  CHECK(site.lab().Ssh("h2", "systemctl show -p MemoryMax --value node-exporter-9100") ==
        "1073741824\n");

  // They are instances like any other.
  const std::string node = site.Address("h2") + ":9100";
  site.MustCtl({"cluster", "stop", kFirst, "--node", node, "--yes"});
  CHECK_THAT(Units(site, "h2"), Contains("node-exporter-9100.service inactive"));
  site.MustCtl({"cluster", "start", kFirst, "--node", node});
  CHECK(Units(site, "h2") == kBoth);
  CHECK_THAT(site.MustCtl({"cluster", "show-config", kFirst}).out,
             Contains("monitored:") && !Contains("exporter_servers"));
  // With the last of the cluster on a host they go as well.
  site.MustCtl({"cluster", "scale-in", kFirst, "--node", site.Address("h3") + ":8261", "--yes"});
  CHECK(Units(site, "h3").empty());
  CHECK(site.Status(kFirst)["instances"].size() == 7);
  site.MustCtl({"cluster", "destroy", kFirst, "--yes"});
  for (const auto& host : Site::Hosts()) CHECK(Units(site, host).empty());
}

TEST_CASE("clusters share exporters, and the last one takes them along", "[lab][monitored]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  std::map<std::string, HostTree> before;
  for (const auto& host : Site::Hosts()) before[host] = site.Tree(host);
  Deploy(site, kFirst, 0, {"h1", "h2"});
  Deploy(site, kSecond, 1000, {"h1", "h3"});
  // One pair on h1, which both ask.
  for (const auto& host : Site::Hosts()) CHECK(Units(site, host) == kBoth);
  const json status = site.Status(kSecond);
  INFO(status.dump(2));
  CHECK(status["healthy"] == true);
  std::set<std::string> shared;
  for (const auto& instance : status["instances"]) {
    if (instance["state_text"] == "shared with another cluster") {
      shared.insert(ComponentOf(instance) + "@" + site.HostAt(instance["host"]));
    }
  }
  CHECK(shared == std::set<std::string>{"blackbox-exporter@h1", "node-exporter@h1"});
  CheckProbes(site, 10090, 2, 7);

  const std::string pid = "systemctl show -p MainPID --value node-exporter-9100";
  const std::string process = site.lab().Ssh("h1", pid);
  // Whoever has them may stop, and the other one goes on to see its hosts.
  site.MustCtl({"cluster", "stop", kFirst, "--yes"});
  CHECK(Units(site, "h1") == kBoth);
  CHECK_THAT(Units(site, "h2"), Contains("inactive"));
  site.MustCtl({"cluster", "destroy", kFirst, "--yes"});
  CHECK(Units(site, "h1") == kBoth);
  CHECK(site.lab().Ssh("h1", pid) == process);
  CHECK(Units(site, "h2").empty());
  // They are the second one's now, like any other instance.
  const json after = site.Status(kSecond);
  INFO(after.dump(2));
  CHECK(after["healthy"] == true);
  for (const auto& instance : after["instances"]) {
    CHECK(instance["state_text"] != "shared with another cluster");
  }
  CheckProbes(site, 10090, 2, 7);
  site.MustCtl({"cluster", "restart", kSecond, "--yes"});
  CHECK(site.IsHealthy(kSecond));
  site.MustCtl({"cluster", "reload", kSecond, "--yes"});
  site.MustCtl({"cluster", "destroy", kSecond, "--yes"});
  for (const auto& host : Site::Hosts()) {
    CAPTURE(host);
    CHECK(Units(site, host).empty());
    const auto difference = Difference(before[host], site.Tree(host));
    CHECK(difference == "");
  }
}

TEST_CASE("exporters come to a cluster that had none, and its ports are checked",
          "[lab][monitored]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  // A stranger has the port, and keeps it when it is spoken to.
  site.lab().Ssh("h2",
                 "systemd-run --unit stranger --socket-property=ListenStream=9100 sleep infinity");
  const std::string file = WriteMonitored(site, kFirst, 0, {"h1", "h2"}, "monitored: {}\n");
  const Result refused = site.Ctl({"cluster", "deploy", kFirst, kVersion, file, "--yes"});
  CHECK(refused.exit_code != 0);
  CHECK_THAT(refused.err, Contains("port 9100 of node-exporter"));
  site.lab().Ssh("h2", "systemctl stop stranger.socket stranger.service");

  Deploy(site, kFirst, 0, {"h1", "h2"}, "");
  CHECK(Units(site, "h1").empty());
  const std::string monitored = site.WriteFile("only-monitored.yaml", "monitored: {}\n");
  site.MustCtl({"cluster", "scale-out", kFirst, monitored, "--yes"});
  for (const char* host : {"h1", "h2"}) CHECK(Units(site, host) == kBoth);
  CheckProbes(site, 9090, 2, 7);
  CHECK_THAT(site.MustCtl({"cluster", "show-config", kFirst}).out, Contains("monitored:"));
  site.MustCtl({"cluster", "destroy", kFirst, "--yes"});
}

}  // namespace
}  // namespace dmgr::testing
