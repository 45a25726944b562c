// Instances come and go on real hosts.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/lab/site.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kScaled[] = "scaled";
// Beside the ports of the demo cluster.
constexpr int kShift = 2000;

// An instance for a topology file: section, host, ports.
struct Wanted {
  const char* section;
  std::string host;
  int shift = kShift;
};

std::string Server(Site& site, const Wanted& wanted) {
  const std::string section = wanted.section;
  std::string text = fmt::format("  - host: {}\n", site.Address(wanted.host));
  if (section == "master_servers") {
    text +=
        fmt::format("    port: {}\n    peer_port: {}\n", 8261 + wanted.shift, 8291 + wanted.shift);
  } else if (section == "worker_servers") {
    text += fmt::format("    port: {}\n", 8262 + wanted.shift);
  } else {
    text += fmt::format("    port: {}\n", 9090 + wanted.shift);
  }
  return text;
}

std::string WriteServers(Site& site, const std::string& name, const std::vector<Wanted>& all,
                         std::string text = "") {
  for (const char* section : {"master_servers", "worker_servers", "monitoring_servers"}) {
    std::string servers;
    for (const auto& wanted : all) {
      if (wanted.section == std::string(section)) servers += Server(site, wanted);
    }
    if (!servers.empty()) text += fmt::format("{}:\n{}", section, servers);
  }
  return site.WriteFile(name, text);
}

// One dm-master, one dm-worker and Prometheus on h1, running.
void EnsureScaled(Site& site) {
  site.EnsureNoCluster();
  const std::string file = WriteServers(
      site, "scaled.yaml",
      {{"master_servers", "h1"}, {"worker_servers", "h1"}, {"monitoring_servers", "h1"}},
      "global:\n  deploy_dir: /dm-scaled\n");
  site.MustCtl({"cluster", "deploy", kScaled, kVersion, file, "--yes"});
  site.MustCtl({"cluster", "start", kScaled});
}

std::string Node(Site& site, const std::string& host, int port) {
  return fmt::format("{}:{}", site.Address(host), port);
}

json Members(Site& site) {
  const json members =
      json::parse(HttpBody("http://" + Node(site, "h1", 8261 + kShift) + "/apis/v1alpha1/members"),
                  nullptr, false);
  return members.is_discarded() ? json::object() : members["members"];
}

std::size_t CountListed(Site& site, const char* kind, const char* list) {
  for (const auto& part : Members(site)) {
    if (part.contains(kind)) return part[kind][list].size();
  }
  return 0;
}

// The targets of a job by Prometheus itself, that are up.
std::set<std::string> Targets(Site& site, const std::string& job) {
  std::set<std::string> up;
  const json targets = json::parse(
      HttpBody("http://" + Node(site, "h1", 9090 + kShift) + "/api/v1/targets"), nullptr, false);
  if (targets.is_discarded()) return up;
  for (const auto& target : targets["data"]["activeTargets"]) {
    if (target["labels"]["job"] == job) up.insert(target["labels"]["instance"].get<std::string>());
  }
  return up;
}

// Prometheus takes up to 5 s to follow its configuration.
bool HasTargets(Site& site, const std::string& job, std::size_t wanted) {
  return Eventually([&] { return Targets(site, job).size() == wanted; }, std::chrono::seconds(20));
}

std::string Restarts(Site& site, const std::string& host, const std::string& unit) {
  return site.lab().Ssh(host, "systemctl show -p ExecMainStartTimestampMonotonic " + unit);
}

void CheckHealthy(Site& site, std::size_t instances) {
  // A status waits 2.5 s for a host; one that is busy takes longer.
  json status;
  const bool healthy = Eventually(
      [&] { return (status = site.Status(kScaled))["healthy"] == true; }, std::chrono::seconds(30));
  INFO(status.dump(2));
  CHECK(healthy);
  CHECK(status["warnings"].empty());
  CHECK(status["instances"].size() == instances);
  // Also those that were added later stand with their kind.
  std::vector<std::string> kinds;
  for (const auto& instance : status["instances"]) {
    if (kinds.empty() || kinds.back() != instance["component"]) {
      kinds.push_back(instance["component"]);
    }
  }
  CHECK(std::set<std::string>(kinds.begin(), kinds.end()).size() == kinds.size());
}

TEST_CASE("one dm-master becomes three, five, and one again", "[lab][scale]") {
  Site& site = Site::Get();
  EnsureScaled(site);
  const auto before = SettledTrees(site);
  const std::string master = fmt::format("dm-master-{}", 8261 + kShift);
  const std::string running = Restarts(site, "h1", master);
  const std::string prometheus = fmt::format("prometheus-{}", 9090 + kShift);
  const std::string collecting = Restarts(site, "h1", prometheus);

  site.MustCtl({"cluster", "scale-out", kScaled,
                WriteServers(site, "three.yaml",
                             {{"master_servers", "h2"},
                              {"master_servers", "h3"},
                              {"worker_servers", "h2"},
                              {"worker_servers", "h3"}}),
                "--yes"});
  CheckHealthy(site, 7);
  CHECK(CountListed(site, "master", "masters") == 3);
  CHECK(CountListed(site, "worker", "workers") == 3);
  CHECK(HasTargets(site, "dm_master", 3));
  CHECK(HasTargets(site, "dm_worker", 3));
  CHECK(Restarts(site, "h1", master) == running);
  CHECK(Restarts(site, "h1", prometheus) == collecting);

  site.MustCtl(
      {"cluster", "scale-out", kScaled,
       WriteServers(site, "five.yaml",
                    {{"master_servers", "h2", kShift + 50}, {"master_servers", "h3", kShift + 50}}),
       "--yes"});
  CheckHealthy(site, 9);
  CHECK(CountListed(site, "master", "masters") == 5);
  const std::string script = site.lab().Ssh(
      "h1", fmt::format("cat /dm-scaled/dm-worker-{}/scripts/run_dm-worker.sh", 8262 + kShift));
  CHECK_THAT(script, Catch::Contains(Node(site, "h3", 8261 + kShift + 50)));

  // All but the first leave, whoever leads; five to three to one.
  site.MustCtl({"cluster", "scale-in", kScaled, "--yes", "--node", Node(site, "h2", 8261 + kShift),
                "--node", Node(site, "h3", 8261 + kShift), "--node",
                Node(site, "h2", 8262 + kShift)});
  CheckHealthy(site, 6);
  CHECK(CountListed(site, "master", "masters") == 3);
  site.MustCtl({"cluster", "scale-in", kScaled, "--yes", "--node",
                Node(site, "h2", 8261 + kShift + 50), "--node",
                Node(site, "h3", 8261 + kShift + 50), "--node", Node(site, "h3", 8262 + kShift)});
  CheckHealthy(site, 3);
  CHECK(CountListed(site, "master", "masters") == 1);
  CHECK(CountListed(site, "worker", "workers") == 1);
  CHECK(HasTargets(site, "dm_master", 1));
  CHECK(HasTargets(site, "dm_worker", 1));
  CHECK(Restarts(site, "h1", master) == running);
  CHECK(Restarts(site, "h1", prometheus) == collecting);
  CheckEqual(before, SettledTrees(site));
}

TEST_CASE("a repeated join of the same place works", "[lab][scale]") {
  Site& site = Site::Get();
  EnsureScaled(site);
  const auto before = SettledTrees(site);
  const std::string file =
      WriteServers(site, "again.yaml", {{"master_servers", "h2"}, {"worker_servers", "h3"}});
  for (int i = 0; i < 2; ++i) {
    site.MustCtl({"cluster", "scale-out", kScaled, file, "--yes"});
    CheckHealthy(site, 5);
    // Two to one, and the leader may be the one that leaves.
    site.MustCtl({"cluster", "scale-in", kScaled, "--yes", "--node",
                  Node(site, "h2", 8261 + kShift), "--node", Node(site, "h3", 8262 + kShift)});
    CheckHealthy(site, 3);
    CHECK(CountListed(site, "master", "masters") == 1);
    CHECK(CountListed(site, "worker", "workers") == 1);
    CHECK(HasTargets(site, "dm_master", 1));
    CheckEqual(before, SettledTrees(site));
  }
}

TEST_CASE("a failed scale-out is rolled back", "[lab][scale]") {
  Site& site = Site::Get();
  EnsureScaled(site);
  const auto before = SettledTrees(site);
  // Seen by nobody but the dm-worker itself: its script cannot be started.
  const std::string file =
      WriteServers(site, "failing.yaml",
                   {{"master_servers", "h2"}, {"master_servers", "h3"}, {"worker_servers", "h3"}});
  site.lab().Ssh("h3",
                 "mkdir -p /run/systemd/system/dm-worker-.service.d && printf "
                 "'[Service]\\nExecStartPre=/bin/false\\n' > "
                 "/run/systemd/system/dm-worker-.service.d/fail.conf && "
                 "systemctl daemon-reload");
  CHECK(site.Ctl({"cluster", "scale-out", kScaled, file, "--yes"}).exit_code == 1);
  site.lab().Ssh("h3", "rm -r /run/systemd/system/dm-worker-.service.d; systemctl daemon-reload");
  const std::string id =
      site.Json({"operation", "list", "--cluster", kScaled})["operations"][0]["operation_id"];
  CHECK(CountListed(site, "master", "masters") == 3);
  site.MustCtl({"operation", "rollback", id});
  CheckHealthy(site, 3);
  CHECK(CountListed(site, "master", "masters") == 1);
  CHECK(CountListed(site, "worker", "workers") == 1);
  CheckEqual(before, SettledTrees(site));
}

TEST_CASE("a scale-out goes on when dmgrd is killed in the middle", "[lab][scale]") {
  Site& site = Site::Get();
  for (const int succeeded : {4, 9}) {
    INFO("killed after " << succeeded << " steps");
    EnsureScaled(site);
    const std::string file = WriteServers(
        site, "killed.yaml",
        {{"master_servers", "h2"}, {"master_servers", "h3"}, {"worker_servers", "h2"}});
    Child command(site.daemon().CtlCommand({"cluster", "scale-out", kScaled, file, "--yes"}),
                  site.daemon().dir() / "scale-out.out");
    const bool in_the_middle = Eventually(
        [&] {
          return std::stoi(test::Sql(site.daemon().dsn(),
                                     "SELECT count(*) FROM operation_step s JOIN operation o USING "
                                     "(operation_id) WHERE o.kind = 'SCALE_OUT' AND o.state = "
                                     "'RUNNING' AND s.state = 'SUCCEEDED'")) >= succeeded;
        },
        std::chrono::seconds(60));
    site.daemon().Kill();
    site.daemon().Start();
    CHECK(in_the_middle);
    CHECK(command.Wait(std::chrono::minutes(4)) == 0);
    CheckHealthy(site, 6);
    CHECK(CountListed(site, "master", "masters") == 3);
  }
  site.EnsureNoCluster();
}

TEST_CASE("a source moves before its dm-worker leaves, or the worker stays", "[lab][scale]") {
  Site& site = Site::Get();
  EnsureScaled(site);
  const std::string master = Node(site, "h1", 8261 + kShift);
  REQUIRE(HttpPost("http://" + master + "/api/v1/sources",
                   R"({"source":{"source_name":"s1","host":"10.9.9.9","port":3306,"user":"u",)"
                   R"("password":"p"}})"));
  const std::string worker = Node(site, "h1", 8262 + kShift);
  const auto stage = [&] {
    const json status = site.Status(kScaled);
    for (const auto& instance : status["instances"]) {
      if (instance["source"] == "s1") return instance["host"].get<std::string>();
    }
    return std::string();
  };
  REQUIRE(Eventually([&] { return stage() == site.Address("h1"); }));
  const auto refused = site.Ctl({"cluster", "scale-in", kScaled, "--yes", "--node", worker});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("s1") && Catch::Contains("--force"));

  site.MustCtl({"cluster", "scale-out", kScaled,
                WriteServers(site, "free.yaml", {{"worker_servers", "h2"}}), "--yes"});
  site.MustCtl({"cluster", "scale-in", kScaled, "--yes", "--node", worker});
  CheckHealthy(site, 3);
  CHECK(stage() == site.Address("h2"));
  site.EnsureNoCluster();
}

TEST_CASE("a host that is dead is left behind by force only", "[lab][scale]") {
  Site& site = Site::Get();
  EnsureScaled(site);
  // One that no other test needs.
  Lab& lab = site.lab();
  lab.Up(4);
  const std::string address = lab.Address("h4");
  site.MustCtl({"machine", "add", address, "--key", lab.Key()});
  const std::string file = site.WriteFile(
      "dead.yaml", fmt::format("master_servers:\n  - {{host: {0}, port: {1}, peer_port: {2}}}\n"
                               "worker_servers:\n  - {{host: {0}, port: {3}}}\n",
                               address, 8261 + kShift, 8291 + kShift, 8262 + kShift));
  site.MustCtl({"cluster", "scale-out", kScaled,
                WriteServers(site, "two.yaml", {{"master_servers", "h2"}}), "--yes"});
  site.MustCtl({"cluster", "scale-out", kScaled, file, "--yes"});
  CheckHealthy(site, 6);
  lab.PowerCut("h4");
  std::vector<std::string> leave = {"cluster", "scale-in",
                                    kScaled,   "--yes",
                                    "--node",  fmt::format("{}:{}", address, 8261 + kShift),
                                    "--node",  fmt::format("{}:{}", address, 8262 + kShift)};
  const auto refused = site.Ctl(leave);
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("--force"));
  leave.emplace_back("--force");
  const auto left = site.MustCtl(leave);
  CHECK_THAT(left.out, Catch::Contains("remembered until the machine is cleaned"));
  // DM itself has let them go; what they left is not forgotten.
  const json status = site.Json({"cluster", "status", kScaled});
  CHECK(status["instances"].size() == 4);
  CHECK(status["healthy"] == true);
  CHECK(status["warnings"].size() == 1);
  CHECK_THAT(status["warnings"].dump(), Catch::Contains(address));
  CHECK(CountListed(site, "master", "masters") == 2);
  CHECK(CountListed(site, "worker", "workers") == 1);
  site.EnsureNoCluster();
  // What is remembered of it goes with it by force only.
  CHECK(site.Ctl({"machine", "remove", address, "--yes"}).exit_code == 3);
  site.MustCtl({"machine", "remove", address, "--force", "--yes"});
}

}  // namespace
}  // namespace dmgr::testing
