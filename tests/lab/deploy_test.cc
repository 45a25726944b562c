// The main job on real hosts: deploy, start, look, stop, destroy.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

// Processes of a cluster, whoever runs them.
constexpr char kCountProcesses[] =
    "pgrep -c '^(dm-master|dm-worker|prometheus|alertmanager|grafana-server)' || true";

json Find(const json& status, const std::function<bool(const json&)>& wanted) {
  const auto& instances = status["instances"];
  const auto found = std::find_if(instances.begin(), instances.end(), wanted);
  REQUIRE(found != instances.end());
  return *found;
}

// A host with a dm-master that does not lead: its end costs no election.
std::string HostOfFollower(Site& site) {
  const json follower = Find(site.Status(), [](const json& instance) {
    return ComponentOf(instance) == "dm-master" && instance["leader"] == false;
  });
  return site.HostAt(follower["host"]);
}

TEST_CASE("a cluster is deployed, started and healthy", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const auto deployed =
      site.MustCtl({"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"});
  // Plain lines when nobody looks, and what to do next.
  CHECK_THAT(deployed.out, Catch::Contains("deploy demo") && Catch::Contains("succeeded"));
  CHECK(deployed.out.find('\x1b') == std::string::npos);
  CHECK_THAT(deployed.err, Catch::Contains("dmgrctl cluster start demo"));

  json status = site.Status();
  CHECK(status["state"] == "CLUSTER_STATE_OFFLINE");
  CHECK(status["healthy"] == false);
  for (const auto& instance : status["instances"]) {
    INFO(instance.dump());
    CHECK(instance["state_text"] == "inactive/dead");
    CHECK(instance["uptime"] == "0s");
    CHECK(instance["reason"] != "");
  }

  site.MustCtl({"cluster", "start", kDemo});
  status = site.Status();
  INFO(status.dump(2));
  CHECK(status["cluster_name"] == kDemo);
  CHECK(status["version"] == kVersion);
  CHECK(status["state"] == "CLUSTER_STATE_UP");
  CHECK(status["healthy"] == true);
  CHECK(status["active_operation_id"] == "");
  CHECK(status["warnings"].empty());
  CHECK(status["grafana_url"] == "http://" + site.Address("h2") + ":3000");
}

TEST_CASE("a status has every documented key of every instance", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const json status = site.Status();
  INFO(status.dump(2));
  const auto& instances = status["instances"];
  REQUIRE(instances.size() == 9);
  std::map<std::string, int> components;
  int leaders = 0;
  for (const auto& instance : instances) {
    for (const char* key : {"name", "component", "host", "state", "state_text", "stage",
                            "stage_text", "source", "version", "uptime", "reason"}) {
      CHECK(instance[key].is_string());
    }
    for (const char* key : {"port", "restarts"}) {
      CHECK(instance[key].is_number_integer());
    }
    CHECK(instance["leader"].is_boolean());
    CHECK(instance["healthy"] == true);
    CHECK(instance["reason"] == "");
    CHECK(instance["state"] == "INSTANCE_STATE_ACTIVE");
    CHECK(instance["state_text"] == "active/running");
    CHECK(instance["restarts"] == 0);
    CHECK(instance["version"] != "");
    const std::string component = ComponentOf(instance);
    ++components[component];
    leaders += instance["leader"] == true ? 1 : 0;
    if (component == "dm-master") CHECK(instance["stage"] == "STAGE_ALIVE");
    if (component == "dm-worker") CHECK(instance["stage"] == "STAGE_FREE");
    if (component.rfind("dm-", 0) == 0) CHECK(instance["version"] == kVersion);
  }
  CHECK(leaders == 1);
  CHECK(components == std::map<std::string, int>{{"dm-master", 3},
                                                 {"dm-worker", 3},
                                                 {"prometheus", 1},
                                                 {"alertmanager", 1},
                                                 {"grafana", 1}});
  // Uptime goes on.
  CHECK(Eventually([&] { return site.Status()["instances"][0]["uptime"] != "0s"; }));
  const auto table = site.MustCtl({"cluster", "status", kDemo});
  CHECK_THAT(table.out, Catch::Contains("leader") && !Catch::Contains("unhealthy"));
}

TEST_CASE("the real Prometheus scrapes every DM target", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string url = "http://" + site.Address("h1") + ":9090/api/v1/targets";
  json targets;
  // Its first scrape is within 15 s.
  const bool all_up = Eventually(
      [&] {
        targets = json::parse(HttpBody(url), nullptr, false);
        if (targets.is_discarded()) return false;
        int up = 0;
        for (const auto& target : targets["data"]["activeTargets"]) {
          up += target["health"] == "up" ? 1 : 0;
        }
        return up == 9;
      },
      std::chrono::seconds(60));
  INFO(targets.dump(2));
  CHECK(all_up);
  std::map<std::string, int> jobs;
  for (const auto& target : targets["data"]["activeTargets"]) {
    ++jobs[target["labels"]["job"].get<std::string>()];
  }
  CHECK(jobs["dm_master"] == 3);
  CHECK(jobs["dm_worker"] == 3);
  // It has the rules of the package, and the Alertmanager to send to.
  const auto rules = json::parse(HttpBody("http://" + site.Address("h1") + ":9090/api/v1/rules"));
  CHECK_FALSE(rules["data"]["groups"].empty());
  const auto managers =
      json::parse(HttpBody("http://" + site.Address("h1") + ":9090/api/v1/alertmanagers"));
  CHECK(managers["data"]["activeAlertmanagers"].size() == 1);
}

TEST_CASE("the real Alertmanager and Grafana's stand-in are ready", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  CHECK_FALSE(HttpBody("http://" + site.Address("h3") + ":9093/-/ready").empty());
  CHECK_FALSE(HttpBody("http://" + site.Address("h2") + ":3000/api/health").empty());
}

TEST_CASE("systemd on the hosts says so as well", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    const std::string unit = instance["unit"];
    INFO(unit << " on " << instance["host"]);
    const std::string host = site.HostAt(instance["host"]);
    CHECK(site.lab().Ssh(host, "systemctl is-enabled " + unit) == "enabled\n");
    CHECK(site.lab().Ssh(host, "systemctl is-active " + unit) == "active\n");
    CHECK(site.lab().Ssh(host, "systemctl show -p User --value " + unit) == "tidb\n");
    // Nothing has changed behind the unit's back.
    CHECK(site.lab().Ssh(host, "systemctl show -p NeedDaemonReload --value " + unit) == "no\n");
  }
  // Nothing of dmgr runs where no operation runs.
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "pgrep -c dmgr-host || true") == "0\n");
  }
}

TEST_CASE("a dead host is named within three seconds, and comes back by itself", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string host = HostOfFollower(site);
  const std::string address = site.Address(host);
  site.lab().PowerCut(host);
  auto& admin = site.daemon().Admin();
  v1::GetClusterStatusRequest request;
  request.set_cluster_name(kDemo);
  for (int i = 0; i < 2; ++i) {
    v1::GetClusterStatusResponse response;
    const auto began = Clock::now();
    const auto asked = admin.Call(admin.clusters(), &v1::ClusterService::Stub::GetClusterStatus,
                                  request, &response);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    CHECK(asked.ok());
    CHECK(took.count() < 3000);
    CHECK_FALSE(response.healthy());
    CHECK(response.instances_size() == 9);
    for (const auto& instance : response.instances()) {
      INFO(instance.ShortDebugString());
      CHECK(instance.healthy() == (instance.host() != address));
      if (instance.host() != address) continue;
      CHECK(instance.state() == v1::INSTANCE_STATE_UNREACHABLE);
      CHECK_THAT(instance.reason(), Catch::Contains(address));
    }
  }
  CHECK_THAT(site.MustCtl({"cluster", "status", kDemo}).out,
             Catch::Contains("unhealthy") && Catch::Contains("unreachable"));
  site.lab().Start(host);
  CHECK(Eventually([&] { return site.IsHealthy(); }, std::chrono::seconds(90)));
}

TEST_CASE("a stop stops everything, and a start brings it back", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  // Without --yes somebody must be there to be asked.
  CHECK(site.Ctl({"cluster", "stop", kDemo}).exit_code == 2);
  CHECK(site.IsHealthy());
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  json status = site.Status();
  CHECK(status["state"] == "CLUSTER_STATE_OFFLINE");
  for (const auto& instance : status["instances"]) {
    INFO(instance.dump());
    CHECK(instance["state_text"] == "inactive/dead");
  }
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, kCountProcesses) == "0\n");
    // It stays enabled: a stop is not a disable.
    CHECK(site.lab().Ssh(host, "systemctl is-enabled dm-master-8261") == "enabled\n");
  }
  // Twice is fine.
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  for (int i = 0; i < 2; ++i) {
    site.MustCtl({"cluster", "start", kDemo});
    status = site.Status();
    INFO(status.dump(2));
    CHECK(status["healthy"] == true);
  }
}

TEST_CASE("one role, or one node, is stopped and started", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.MustCtl({"cluster", "stop", kDemo, "--yes", "--role", "dm-worker", "--node",
                site.Address("h1") + ":8262"});
  int stopped = 0;
  json status = site.Status();
  for (const auto& instance : status["instances"]) {
    stopped += instance["state_text"] == "inactive/dead" ? 1 : 0;
  }
  CHECK(stopped == 1);
  // The cluster as a whole is meant to be up.
  CHECK(status["state"] == "CLUSTER_STATE_UP");
  site.MustCtl({"cluster", "start", kDemo, "--role", "dm-worker"});
  CHECK(site.IsHealthy());
}

TEST_CASE("operations are listed with their steps", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto list = site.Json({"operation", "list", "--cluster", kDemo});
  REQUIRE_FALSE(list["operations"].empty());
  const auto shown = site.Json({"operation", "show", list["operations"][0]["operation_id"]});
  CHECK(shown["operation"]["progress_percent"] == 100);
  for (const auto& step : shown["operation"]["steps"]) {
    CHECK(step["state"] == "STEP_STATE_SUCCEEDED");
    CHECK(step["attempts"] == 1);
  }
}

TEST_CASE("a dry run says what would be done and does nothing", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const HostTree before = site.Tree("h1");
  const auto plan =
      site.MustCtl({"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--dry-run"});
  CHECK_THAT(plan.out, Catch::Contains("send dm-master") && Catch::Contains("nothing was changed"));
  CHECK(Difference(before, site.Tree("h1")).empty());
  CHECK_FALSE(site.Exists(kDemo));
}

// A line of the host's user that has nothing to do with dmgr.
constexpr char kForeignKey[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIForeign somebody@else";

TEST_CASE("a package shows its parts with the versions that they print", "[lab][deploy]") {
  const auto package = Site::Get().Json({"package", "show", kVersion})["package"];
  CHECK(package["arch"] == "amd64");
  REQUIRE(package["components"].size() == 7);
  for (const auto& component : package["components"]) {
    INFO(component.dump());
    const std::string name = ComponentOf(component);
    const std::string version = component["version"];
    if (name.rfind("dm-", 0) == 0) CHECK(version == kVersion);
    if (name == "prometheus") CHECK_THAT(version, Catch::StartsWith("2."));
    if (name == "alertmanager") CHECK_THAT(version, Catch::StartsWith("0."));
    if (name == "grafana") CHECK(version == "7.5.17");
    if (name == "node-exporter") CHECK_THAT(version, Catch::StartsWith("1."));
    if (name == "blackbox-exporter") CHECK_THAT(version, Catch::StartsWith("0."));
    CHECK_FALSE(component["files"].empty());
  }
}

TEST_CASE("a destroy leaves nothing of the cluster and all that is others'", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  Lab& lab = site.lab();
  // On h1 the user, its keys and a parent of the directories are there already; on h2 the user is.
  lab.AddUser("h1", {.name = "dmuser"});
  lab.AddUser("h2", {.name = "dmuser"});
  for (const char* host : {"h1", "h2"}) {
    site.MustCtl({"machine", "update", site.Address(host), "--allow-user", "dmuser"});
  }
  lab.Ssh("h1", fmt::format("install -d -o dmuser -m 700 ~dmuser/.ssh && echo '{}' > "
                            "~dmuser/.ssh/authorized_keys && chown dmuser ~dmuser/.ssh/* && "
                            "mkdir -p /srv/dm/deploy && echo mine > /srv/dm/foreign.txt",
                            kForeignKey));
  std::map<std::string, HostTree> before;
  for (const auto& host : Site::Hosts()) before[host] = site.Tree(host);

  const std::string file = site.WriteTopology(
      {.user = "dmuser", .deploy_dir = "/srv/dm/deploy", .data_dir = "/srv/dm/data"});
  site.MustCtl({"cluster", "deploy", "doomed", kVersion, file, "--yes"});
  site.MustCtl({"cluster", "start", "doomed"});
  CHECK(site.IsHealthy("doomed"));
  CHECK_THAT(
      Difference(before["h3"], site.Tree("h3"), std::string::npos),
      Catch::Contains("+ /etc/systemd/system/multi-user.target.wants/dm-master-8261.service") &&
          Catch::Contains("/etc/passwd"));
  // Somebody else's file in a directory that dmgr made.
  lab.Ssh("h1", "echo mine > /srv/dm/deploy/dm-master-8261/notes.txt");
  const auto destroyed = site.MustCtl({"cluster", "destroy", "doomed", "--yes"});
  CHECK_THAT(destroyed.out, Catch::Contains("/srv/dm/deploy/dm-master-8261/notes.txt"));

  CHECK(lab.Ssh("h1", "cat /srv/dm/deploy/dm-master-8261/notes.txt /srv/dm/foreign.txt") ==
        "mine\nmine\n");
  CHECK(lab.Ssh("h1", "cat ~dmuser/.ssh/authorized_keys") == std::string(kForeignKey) + "\n");
  lab.Ssh("h1", "rm -r /srv/dm/deploy/dm-master-8261");
  for (const auto& host : Site::Hosts()) {
    INFO(host);
    CHECK(Difference(before[host], site.Tree(host)) == "");
    CHECK(lab.Ssh(host,
                  "systemctl list-units --all --no-legend 'dm-*.service' 'prometheus*' 'grafana*' "
                  "'alertmanager*'") == "");
    // Of dmgr itself only the fence stays.
    CHECK(lab.Ssh(host, "find /var/lib/dmgr -type f -not -path '/var/lib/dmgr/fence/*'") == "");
    CHECK(lab.Ssh(host, kCountProcesses) == "0\n");
  }
  CHECK_FALSE(site.Exists("doomed"));
  CHECK_FALSE(std::filesystem::exists(site.daemon().dir() / "data/cluster/doomed"));
  // The name is free again; operations stay as history.
  CHECK(site.Json({"operation", "list", "--cluster", "doomed"})["operations"].size() == 3);
  lab.Ssh("h1", "userdel -r dmuser 2>/dev/null; rm -r /srv/dm");
  lab.Ssh("h2", "userdel -r dmuser 2>/dev/null || true");
}

TEST_CASE("two clusters share hosts, and one goes without the other", "[lab][deploy]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  std::map<std::string, HostTree> before;
  // Data and logs of the one that runs go on.
  const auto skip = [](const std::string& path) {
    return path.rfind("/dm-data/", 0) == 0 || path.find("/log/") != std::string::npos ||
           path.find("/data/") != std::string::npos;
  };
  for (const auto& host : Site::Hosts()) before[host] = site.Tree(host, skip);
  const std::string file = site.WriteTopology(
      {.deploy_dir = "/dm-second", .data_dir = "", .shift = 1000, .monitoring = false});
  site.MustCtl({"cluster", "deploy", "second", kVersion, file, "--yes"});
  site.MustCtl({"cluster", "start", "second"});
  CHECK(site.IsHealthy("second"));
  CHECK(site.IsHealthy());
  // What the first one sent was not sent again.
  const auto deploy = site.Json({"operation", "list", "--cluster", "second"})["operations"][1];
  const auto shown = site.Json({"operation", "show", deploy["operation_id"]});
  for (const auto& step : shown["operation"]["steps"]) CHECK(step["bytes_done"] == "0");
  site.MustCtl({"cluster", "destroy", "second", "--yes"});
  CHECK(site.IsHealthy());
  for (const auto& host : Site::Hosts()) {
    INFO(host);
    CHECK(Difference(before[host], site.Tree(host, skip)) == "");
  }
}

}  // namespace
}  // namespace dmgr::testing
