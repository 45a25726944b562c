// A configuration that is changed while the cluster is in use, on real hosts.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/lab/poller.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

// The demo cluster's topology with something more.
std::string Changed(Site& site, const std::string& more) {
  return site.WriteFile("changed.yaml", site.MustCtl({"cluster", "show-config", kDemo}).out + more);
}

// The cluster with the topology that it is deployed with, and nothing pending.
void BeginSettled(Site& site) {
  // One that failed may hold it.
  if (site.Exists(kDemo) && site.Status()["active_operation_id"] != "") site.EnsureNoCluster();
  site.EnsureDemo();
  site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--file", site.WriteTopology()});
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
}

void Edit(Site& site, const std::string& file) {
  site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--file", file});
}

// How many instances of each component wait for a reload.
std::map<std::string, int> Waiting(Site& site) {
  std::map<std::string, int> waiting;
  const json cluster = site.Json({"cluster", "show", kDemo})["cluster"];
  for (const auto& instance : cluster["instances"]) {
    if (instance["reload_pending"] == true) ++waiting[ComponentOf(instance)];
  }
  return waiting;
}

// Units whose process is another one.
std::set<std::string> Restarted(const std::map<std::string, std::string>& before,
                                const std::map<std::string, std::string>& after) {
  std::set<std::string> units;
  for (const auto& [unit, pid] : after) {
    if (pid != before.at(unit)) units.insert(unit);
  }
  return units;
}

const std::set<std::string> kWorkers = {"h1/dm-worker-8262.service", "h2/dm-worker-8262.service",
                                        "h3/dm-worker-8262.service"};

std::string WorkerToml(Site& site, const std::string& host) {
  return site.lab().Ssh(host, "cat /dm-deploy/dm-worker-8262/conf/dm-worker.toml");
}

constexpr char kTtl[] = "server_configs:\n  worker:\n    keepalive-ttl: 45\n";

// The dm-worker of h2 does not start with the new configuration.
class Sabotage {
 public:
  explicit Sabotage(Site& site) : site_(site) {
    site_.lab().Ssh(
        "h2", fmt::format("mkdir -p {0} && printf '[Service]\\nExecStartPre=/bin/sh -c \"! grep -q "
                          "45 /dm-deploy/dm-worker-8262/conf/dm-worker.toml\"\\n' > "
                          "{0}/sabotage.conf && systemctl daemon-reload",
                          kDir));
  }
  ~Sabotage() { Mend(); }
  Sabotage(const Sabotage&) = delete;
  Sabotage& operator=(const Sabotage&) = delete;
  void Mend() { site_.lab().Ssh("h2", fmt::format("rm -rf {} && systemctl daemon-reload", kDir)); }

 private:
  static constexpr char kDir[] = "/etc/systemd/system/dm-worker-8262.service.d";
  Site& site_;
};

TEST_CASE("a changed dm-worker configuration restarts the dm-workers only", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto before = Processes(site);
  const std::string file = Changed(site, kTtl);
  const auto dry = site.MustCtl({"cluster", "edit-config", kDemo, "--dry-run", "--file", file});
  CHECK_THAT(dry.err, Catch::Contains("+     keepalive-ttl: 45"));
  CHECK(Waiting(site).empty());
  Edit(site, file);
  CHECK(Waiting(site) == std::map<std::string, int>{{"dm-worker", 3}});
  CHECK_THAT(site.Status()["warnings"].dump(), Catch::Contains("wait for a reload"));
  // It is stored, and nothing else has happened.
  CHECK_THAT(WorkerToml(site, "h1"), !Catch::Contains("45"));
  const auto scaled = site.Ctl({"cluster", "scale-in", kDemo, "--yes", "--role", "grafana"});
  CHECK(scaled.exit_code == 3);
  CHECK_THAT(scaled.err, Catch::Contains("cluster reload"));

  site.MustCtl({"cluster", "reload", kDemo, "--yes", "--node", site.Address("h1") + ":8262"});
  CHECK(Waiting(site) == std::map<std::string, int>{{"dm-worker", 2}});
  CHECK_THAT(WorkerToml(site, "h1"), Catch::Contains("keepalive-ttl = 45"));
  CHECK_THAT(WorkerToml(site, "h2"), !Catch::Contains("45"));
  Poller poller(site);
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  const auto gaps = poller.Stop();
  WARN(fmt::format("reload of two dm-workers: {} answers, longest gap without a leader {} ms",
                   gaps.answers, gaps.longest.count()));
  CHECK(gaps.longest < std::chrono::seconds(3));
  CHECK(site.IsHealthy());
  CHECK(Waiting(site).empty());
  CHECK(site.Status()["warnings"].empty());
  for (const auto& host : Site::Hosts()) {
    CHECK_THAT(WorkerToml(site, host), Catch::Contains("keepalive-ttl = 45"));
  }
  const auto after = Processes(site);
  CHECK(Restarted(before, after) == kWorkers);
  const json shown = site.Json({"cluster", "show", kDemo})["cluster"];
  CHECK(shown["topology"]["server_configs"]["worker"]["keepalive-ttl"] == 45);

  // A second one finds nothing to do.
  const auto again = site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK_THAT(again.out + again.err, Catch::Contains("nothing to reload"));
  CHECK(Processes(site) == after);
}

TEST_CASE("what makes an instance is not edited, and what waits can be dropped", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  std::string text = site.MustCtl({"cluster", "show-config", kDemo}).out;
  const auto refused = [&](const std::string& changed) {
    const auto result = site.Ctl({"cluster", "edit-config", kDemo, "--yes", "--file",
                                  site.WriteFile("changed.yaml", changed)});
    CHECK(result.exit_code == 2);
    return result.err;
  };
  std::string moved = text;
  moved.replace(moved.find("port: 8262"), 10, "port: 9262");
  CHECK_THAT(refused(moved), Catch::Contains("changed.yaml:") && Catch::Contains("stays 8262"));
  CHECK_THAT(refused(text + "server_configs:\n  worker:\n    no-such-key: 1\n"),
             Catch::Contains("is not a key of dm-worker") && Catch::Contains("changed.yaml:"));
  Edit(site, Changed(site, kTtl));
  site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--discard"});
  CHECK(Waiting(site).empty());
  CHECK(site.MustCtl({"cluster", "show-config", kDemo}).out == text);
  const auto nothing = site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--file",
                                     site.WriteFile("same.yaml", "# the same\n" + text)});
  CHECK_THAT(nothing.err, Catch::Contains("nothing changed"));
}

TEST_CASE("a setting is changed without an editor", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto nobody = site.Ctl({"cluster", "edit-config", kDemo, "--yes"});
  CHECK(nobody.exit_code == 2);
  CHECK_THAT(nobody.err, Catch::Contains("--set KEY=VALUE"));
  const auto set = site.MustCtl(
      {"cluster", "edit-config", kDemo, "--yes", "--set", "server_configs.worker.keepalive-ttl=45",
       "--set", "worker_servers[" + site.Address("h1") + "].config.log-level=debug"});
  CHECK_THAT(set.err, Catch::Contains("keepalive-ttl: 45") && Catch::Contains("debug"));
  CHECK(Waiting(site) == std::map<std::string, int>{{"dm-worker", 3}});
  site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--discard"});
}

TEST_CASE("a configuration is changed in the user's editor", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const std::string editor = site.WriteFile(
      "editor.sh",
      "#!/bin/sh\nprintf 'server_configs:\\n  worker:\\n    keepalive-ttl: 45\\n' >> \"$2\"\n");
  std::filesystem::permissions(editor, std::filesystem::perms::owner_all);
  auto command = site.daemon().CtlCommand({"cluster", "edit-config", kDemo, "--yes"});
  const std::string words = fmt::format("{}", fmt::join(command.args, " "));
  // A terminal of its own; and as many editors are called, with an option.
  command.args = {"/usr/bin/script", "-qefc", words, "/dev/null"};
  command.env["EDITOR"] = editor + " --wait";
  const Result edited = Run(command);
  INFO(edited.out);
  CHECK(edited.exit_code == 0);
  CHECK_THAT(edited.out, Catch::Contains("+     keepalive-ttl: 45"));
  CHECK(Waiting(site) == std::map<std::string, int>{{"dm-worker", 3}});
  site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--discard"});
}

// Rules for Prometheus, in a folder of this machine.
std::string WriteRules(Site& site, const std::string& name, const std::string& expression) {
  const std::string dir = site.daemon().dir() / name;
  std::filesystem::create_directories(dir);
  site.WriteFile(
      name + "/mine.rules.yml",
      fmt::format("groups:\n- name: mine\n  rules:\n  - alert: Mine\n    expr: {}\n", expression));
  return dir;
}

std::string WithRules(Site& site, const std::string& dir) {
  std::string text = site.MustCtl({"cluster", "show-config", kDemo}).out;
  const std::string port = "port: 9090\n";
  text.insert(text.find(port) + port.size(), "    rule_dir: " + dir + "\n");
  return site.WriteFile("rules.yaml", text);
}

bool HasRule(Site& site) {
  const std::string url = "http://" + site.Address("h1") + ":9090/api/v1/rules";
  return HttpBody(url).find("\"Mine\"") != std::string::npos;
}

TEST_CASE("Prometheus and Alertmanager take a new configuration as they run", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto before = Processes(site);
  CHECK_FALSE(HasRule(site));
  Edit(site, WithRules(site, WriteRules(site, "rules", "up == 0")));
  CHECK(Waiting(site) == std::map<std::string, int>{{"prometheus", 1}});
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK(Eventually([&] { return HasRule(site); }));
  // The package's own are not read any more, and not there either.
  CHECK(site.lab().Ssh("h1", "cd /dm-deploy/prometheus-9090/conf && ls -A") ==
        "mine.rules.yml\nprometheus.yml\n");
  CHECK(site.lab().Ssh("h1", "ls -d /dm-deploy/prometheus-9090/.check || true").empty());

  std::string text = site.MustCtl({"cluster", "show-config", kDemo}).out;
  const std::string file =
      site.WriteFile("am.yml", "route:\n  receiver: mine\nreceivers:\n- name: mine\n");
  const std::string port = "web_port: 9093\n";
  text.insert(text.find(port) + port.size(), "    config_file: " + file + "\n");
  Edit(site, site.WriteFile("with-am.yaml", text));
  CHECK(Waiting(site) == std::map<std::string, int>{{"alertmanager", 1}});
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK_THAT(HttpBody("http://" + site.Address("h3") + ":9093/api/v2/status"),
             Catch::Contains("receiver: mine"));
  CHECK(Restarted(before, Processes(site)).empty());
}

TEST_CASE("a file that its program refuses changes nothing", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto processes = Processes(site);
  const auto before = SettledTrees(site);
  Edit(site, WithRules(site, WriteRules(site, "bad-rules", "up ==")));
  const auto failed = site.Ctl({"cluster", "reload", kDemo, "--yes"});
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.out + failed.err, Catch::Contains("mine.rules.yml"));
  CHECK(Processes(site) == processes);
  CheckEqual(before, SettledTrees(site));
  site.MustCtl({"operation", "rollback", NewestOperation(site)});
  CheckEqual(before, SettledTrees(site));
  CHECK(Waiting(site) == std::map<std::string, int>{{"prometheus", 1}});
}

void CheckPaused(Site& site, const Result& failed) {
  CHECK(failed.exit_code == 1);
  INFO(failed.out + failed.err);
  CHECK_THAT(failed.out + failed.err, Catch::Contains("runs its old configuration again") &&
                                          Catch::Contains("operation resume") &&
                                          Catch::Contains("operation rollback"));
  CHECK(site.IsHealthy());
  CHECK_THAT(WorkerToml(site, "h1"), Catch::Contains("keepalive-ttl = 45"));
  CHECK_THAT(WorkerToml(site, "h2"), !Catch::Contains("45"));
  CHECK_THAT(WorkerToml(site, "h3"), !Catch::Contains("45"));
  const auto busy = site.Ctl({"cluster", "edit-config", kDemo, "--yes", "--discard"});
  CHECK(busy.exit_code != 0);
  CHECK_THAT(busy.err, Catch::Contains(NewestOperation(site)));
}

TEST_CASE("a reload with which a dm-worker does not start is rolled back", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto before = SettledTrees(site);
  Edit(site, Changed(site, kTtl));
  Sabotage sabotage(site);
  CheckPaused(site, site.Ctl({"cluster", "reload", kDemo, "--yes", "--max-parallel", "1"}));
  sabotage.Mend();
  site.MustCtl({"operation", "rollback", NewestOperation(site)});
  CHECK(site.IsHealthy());
  CheckEqual(before, SettledTrees(site));
  CHECK(Waiting(site) == std::map<std::string, int>{{"dm-worker", 3}});
}

TEST_CASE("a reload with which a dm-worker does not start goes on when it is mended",
          "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  Edit(site, Changed(site, kTtl));
  Sabotage sabotage(site);
  CheckPaused(site, site.Ctl({"cluster", "reload", kDemo, "--yes", "--max-parallel", "1"}));
  sabotage.Mend();
  const auto processes = Processes(site);
  site.MustCtl({"operation", "resume", NewestOperation(site)});
  CHECK(site.IsHealthy());
  CHECK(Waiting(site).empty());
  for (const auto& host : Site::Hosts()) {
    CHECK_THAT(WorkerToml(site, host), Catch::Contains("keepalive-ttl = 45"));
  }
  // The first one is not taken again.
  CHECK(Restarted(processes, Processes(site)) ==
        std::set<std::string>{"h2/dm-worker-8262.service", "h3/dm-worker-8262.service"});
}

TEST_CASE("a file is given for a whole role", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  const auto before = Processes(site);
  const std::string toml = site.WriteFile("dm-worker.toml", "keepalive-ttl = 45\n");
  const std::string bad = site.WriteFile("other.toml", "a = 1\n");
  const auto unknown = site.Ctl({"cluster", "reload", kDemo, "--yes", "--config", bad});
  CHECK(unknown.exit_code == 2);
  CHECK_THAT(unknown.err, Catch::Contains("other.toml"));
  const auto wrong = site.Ctl({"cluster", "reload", kDemo, "--yes", "--config",
                               site.WriteFile("dm-master.toml", "a = \n")});
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Catch::Contains("dm-master.toml:1"));
  site.MustCtl({"cluster", "reload", kDemo, "--yes", "--config", toml});
  CHECK(Restarted(before, Processes(site)) == kWorkers);
  CHECK_THAT(WorkerToml(site, "h3"), Catch::Contains("keepalive-ttl = 45"));
  CHECK(Waiting(site).empty());
}

TEST_CASE("a stopped cluster gets its files, and a hand edit of its tree too", "[lab][reload]") {
  Site& site = Site::Get();
  BeginSettled(site);
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  Edit(site, Changed(site, kTtl));
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK(site.Status()["state"] == "CLUSTER_STATE_OFFLINE");
  CHECK_THAT(WorkerToml(site, "h3"), Catch::Contains("keepalive-ttl = 45"));
  site.MustCtl({"cluster", "start", kDemo});

  const auto before = Processes(site);
  std::ofstream(site.daemon().dir() / "data/cluster" / kDemo / kVersion / "conf/alertmanager.yml",
                std::ios::app)
      << "# mine\n";
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK_THAT(site.lab().Ssh("h3", "cat /dm-deploy/alertmanager-9093/conf/alertmanager.yml"),
             Catch::Contains("# mine"));
  CHECK(Processes(site) == before);
  site.EnsureNoCluster();
}

}  // namespace
}  // namespace dmgr::testing
