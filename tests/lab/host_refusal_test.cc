// What would fail in the middle of a deploy or a start is refused before, in few words; and what
// looks odd but works is not.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/on_host.h"
#include "tests/lab/refusal.h"

namespace dmgr::testing {
namespace {

// Of what Deploy() deploys.
constexpr char kRefusedName[] = "refused";

int Count(const std::string& text, const std::string& word) {
  int count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

// A dm-master and a dm-worker on h1.
std::string Small(Site& site, const std::string& global, const std::string& more = "") {
  return site.WriteFile("small.yaml",
                        fmt::format("global: {{ {} }}\nmaster_servers:\n  - host: {}\n"
                                    "worker_servers:\n  - host: {}\n{}",
                                    global, site.Address("h1"), site.Address("h1"), more));
}

std::string Mounted(const std::string& path, const std::string& options) {
  return fmt::format("mkdir -p {0} && mount -t tmpfs -o {1} tmpfs {0}", path, options);
}
std::string Unmounted(const std::string& path) {
  return fmt::format("umount {0} && rmdir {0}", path);
}

// A cluster of Small() is deployed and works, with this option of deploy; then it goes.
void CheckWorks(Site& site, const std::string& file, const std::vector<std::string>& options,
                const std::function<void()>& look) {
  std::vector<std::string> args = {"cluster", "deploy", kRefusedName, kVersion, file, "--yes"};
  args.insert(args.end(), options.begin(), options.end());
  site.MustCtl(args);
  site.MustCtl({"cluster", "start", kRefusedName});
  CHECK(site.IsHealthy(kRefusedName));
  look();
  site.MustCtl({"cluster", "destroy", kRefusedName, "--yes"});
}

// Clusters may run as an account that somebody else made.
void Allow(Site& site, const std::string& name) {
  site.MustCtl({"machine", "update", site.Address("h1"), "--allow-user", name});
}

// A line of /proc/PID/status of a unit's main process.
std::string StatusOf(Site& site, const std::string& unit, const std::string& key) {
  return site.lab().Ssh("h1",
                        fmt::format("sed -n 's/^{}:[[:space:]]*//p' /proc/$(systemctl show -p "
                                    "MainPID --value {})/status",
                                    key, unit));
}

TEST_CASE("refused: values with which DM does not start, with their lines", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  const std::string file = site.WriteFile(
      "values.yaml",
      fmt::format("global:\n  listen_host: h1.example\nserver_configs:\n  master:\n"
                  "    rpc-timeout: \"30\"\n    log-level: verbose\n    log-format: xml\n"
                  "  worker:\n    log-level: loud\n    keepalive-ttl: 99999999999\n"
                  "master_servers:\n  - host: {}\n    config: {{ max-txn-ops: -1 }}\n",
                  site.Address("h1")));
  CheckRefused(
      Deploy(site, file), kBadInput,
      {"values.yaml:2: global.listen_host", "values.yaml:5: ", "not a duration", "values.yaml:6: ",
       "values.yaml:7: ", "values.yaml:9: ", "values.yaml:10: ", "values.yaml:13: "});
  unchanged.Check();
}

TEST_CASE("a user that is there is used when an admin allowed it, and keeps its group",
          "[lab][refusal][privileges]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost user(&site, "h1", "useradd -m -N -g users tidb", "userdel -r tidb 2>/dev/null");
  for (const char* name : {"root", "daemon", "tidb"}) {
    CheckRefused(site.Ctl({"cluster", "deploy", kRefusedName, kVersion,
                           Small(site, fmt::format("user: {}, deploy_dir: /dm-deploy", name)),
                           "--yes", "--skip-create-user"}),
                 kRefused, {fmt::format("the user {} of the host was not made by dmgr", name)});
  }
  Allow(site, "tidb");
  CheckWorks(site, Small(site, "user: tidb, deploy_dir: /dm-deploy"), {"--skip-create-user"}, [&] {
    for (const char* unit : {"dm-master-8261", "dm-worker-8262"}) {
      INFO(unit);
      CHECK(StatusOf(site, unit, "NoNewPrivs") == "1\n");
      CHECK(StatusOf(site, unit, "CapBnd") == "0000000000000000\n");
    }
    CHECK(site.lab().Ssh("h1", "ls -d ~tidb/.ssh /etc/sudoers.d/dmgr-* 2>/dev/null || true") == "");
    CHECK(site.lab().Ssh("h1", "stat -c '%U %G' /dm-deploy/dm-master-8261/data") == "tidb users\n");
    CHECK(site.lab().Ssh("h1",
                         "echo $(ps -o user=,group= -p $(systemctl show -p MainPID --value "
                         "dm-worker-8262))") == "tidb users\n");
  });
  CHECK(site.lab().Ssh("h1", "id -gn tidb") == "users\n");
  // A group that is asked for must be there.
  CheckRefused(site.Ctl({"cluster", "deploy", kRefusedName, kVersion,
                         Small(site, "user: tidb, group: dba, deploy_dir: /dm-deploy"), "--yes",
                         "--skip-create-user"}),
               kRefused, {"group dba does not exist"});
}

TEST_CASE("a user without a home will do", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost user(&site, "h1", "useradd -r -M -s /usr/sbin/nologin tidb", "userdel tidb");
  Allow(site, "tidb");
  CheckWorks(site, Small(site, "user: tidb, deploy_dir: /dm-deploy"), {}, [&] {
    CHECK(site.lab().Ssh("h1", "stat -c %U /dm-deploy/dm-master-8261/data") == "tidb\n");
  });
  CHECK(site.lab().Ssh("h1", "id -un tidb && ls -d /home/tidb 2>/dev/null || true") == "tidb\n");
}

TEST_CASE("a user's name may have a dot when somebody else made it", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost user(&site, "h1", "useradd -m svc.dm", "userdel -r svc.dm 2>/dev/null");
  Allow(site, "svc.dm");
  const std::string global = "user: svc.dm, deploy_dir: /dm-deploy, arch: AMD64";
  CheckRefused(Deploy(site, Small(site, global)), kBadInput, {"svc.dm", "small.yaml:1"});
  CheckWorks(site, Small(site, global), {"--skip-create-user"}, [&] {
    CHECK(site.lab().Ssh("h1",
                         "ps -o user= -p $(systemctl show -p MainPID --value "
                         "dm-master-8261)") == "svc.dm\n");
    const std::string more = site.WriteFile(
        "more.yaml",
        fmt::format("global: {{ {} }}\nworker_servers:\n  - host: {}\n    port: 9262\n", global,
                    site.Address("h1")));
    site.MustCtl({"cluster", "scale-out", kRefusedName, more, "--yes"});
    CHECK(site.IsHealthy(kRefusedName));
  });
}

TEST_CASE("a dm-master and a dm-worker may have one name", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string h1 = site.Address("h1");
  const std::string file =
      site.WriteFile("same.yaml", fmt::format("master_servers:\n  - host: {0}\n    name: same\n"
                                              "worker_servers:\n  - host: {0}\n    name: same\n"
                                              "  - host: {1}\n",
                                              h1, site.Address("h2")));
  CheckWorks(site, file, {}, [&] {
    site.MustCtl({"cluster", "restart", kRefusedName, "--yes"});
    site.MustCtl({"cluster", "scale-in", kRefusedName, "--node", h1 + ":8262", "--yes"});
    const auto status = site.Status(kRefusedName);
    CHECK(status["healthy"] == true);
    CHECK(status["instances"].size() == 2);
  });
}

TEST_CASE("refused: a file system on which no program runs", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost mount(&site, "h2", Mounted("/dm-deploy", "noexec"), Unmounted("/dm-deploy"));
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, site.WriteTopology());
  CheckRefused(result, kRefused,
               {"error: machine " + site.Address("h2") + ": /dm-deploy/", "noexec"});
  CHECK(Count(result.err, "noexec") == 1);
  unchanged.Check();
}

TEST_CASE("refused: no room where releases are kept", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost mount(&site, "h1",
                     Mounted("/dm-small", "size=8m,mode=755") + " && " +
                         Mounted("/dm-small/large", "size=2g,mode=777"),
                     "umount /dm-small/large && " + Unmounted("/dm-small"));
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, Small(site, "deploy_dir: /dm-small/large/deploy"));
  CheckRefused(result, kRefused,
               {"/dm-small/.dmgr has 8 MiB free, ", " MiB are needed: releases are kept there",
                "only root can change"});
  unchanged.Check();
}

TEST_CASE("refused: a file system without inodes", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost mount(&site, "h1", Mounted("/dm-few", "size=2g,nr_inodes=16"), Unmounted("/dm-few"));
  const Unchanged unchanged(&site);
  CheckRefused(Deploy(site, Small(site, "deploy_dir: /dm-few/deploy")), kRefused,
               {"/dm-few/", "inodes for ", " more files, "});
  unchanged.Check();
}

TEST_CASE("refused: a read-only file system", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost mount(&site, "h1", Mounted("/dm-fixed", "ro"), Unmounted("/dm-fixed"));
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, Small(site, "deploy_dir: /dm-deploy, data_dir: /dm-fixed/data"));
  CheckRefused(result, kRefused, {"/dm-fixed/data", "read-only"});
  CHECK(Count(result.err, "read-only") == 1);
  unchanged.Check();
}

TEST_CASE("refused: a link that the cluster's user can change", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const OnHost user(&site, "h1",
                    "useradd -m tidb && mkdir -p /dm-elsewhere/deploy && "
                    "ln -s /dm-elsewhere/deploy ~tidb/deploy && chown -h tidb: ~tidb/deploy",
                    "userdel -r tidb 2>/dev/null; rm -r /dm-elsewhere");
  Allow(site, "tidb");
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, Small(site, "user: tidb, deploy_dir: deploy"));
  CheckRefused(result, kRefused,
               {fmt::format("error: machine {}: /home/tidb/deploy is a link to "
                            "/dm-elsewhere/deploy that tidb can change: name the directory "
                            "itself\n",
                            site.Address("h1"))});
  unchanged.Check();
}

TEST_CASE("refused: an address to listen on that a host has not", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  CheckRefused(Deploy(site, Small(site, "listen_host: " + site.Address("h2"))), kRefused,
               {fmt::format("error: machine {}: listen_host {} is no address of this host",
                            site.Address("h1"), site.Address("h2"))});
  unchanged.Check();
}

TEST_CASE("refused: hosts that do not reach each other", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string file = site.WriteTopology({.monitoring = false});
  const std::string h1 = site.Address("h1");
  const auto routes = [&](const char* verb) {
    return fmt::format("ip route {0} blackhole {1} && ip route {0} blackhole {2}", verb,
                       site.Address("h2"), site.Address("h3"));
  };
  const auto check = [&](const Result& result) {
    CheckRefused(result, kRefused,
                 {"4 problems on 3 hosts:",
                  fmt::format("machine {} cannot reach {}:8261, 8262, 8291 (a route drops", h1,
                              site.Address("h2")),
                  fmt::format("machine {} cannot reach {}:8261, 8262, 8291 (no answer in 3 s)",
                              site.Address("h3"), h1)});
    CHECK(Count(result.err, "cannot reach") == 4);
  };
  {
    const OnHost cut(&site, "h1", routes("add"), routes("del"));
    const Unchanged unchanged(&site);
    const auto begin = std::chrono::steady_clock::now();
    check(Deploy(site, file));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(15));
    unchanged.Check();
  }
  site.MustCtl({"cluster", "deploy", kRefusedName, kVersion, file, "--yes"});
  {
    const OnHost cut(&site, "h1", routes("add"), routes("del"));
    check(site.Ctl({"cluster", "start", kRefusedName}));
    CHECK(site.lab().Ssh("h1", "systemctl is-active dm-master-8261 || true") == "inactive\n");
  }
  site.MustCtl({"cluster", "start", kRefusedName});
  site.MustCtl({"cluster", "destroy", kRefusedName, "--yes"});
}

TEST_CASE("the list that is given is the list in force, and numbers stay as they are written",
          "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const auto file = [&](const std::string& args) {
    return Small(site, "user: tidb, deploy_dir: /dm-deploy",
                 fmt::format("monitoring_servers:\n  - host: {0}\n    additional_args: {1}\n"
                             "    remote_config:\n      remote_write:\n"
                             "        - url: http://127.0.0.1:1/\n"
                             "          basic_auth: {{ username: u, password: 0123456 }}\n"
                             "grafana_servers:\n  - host: {0}\n"
                             "    config: {{ users.default_language: 1.10 }}\n",
                             site.Address("h1"), args));
  };
  site.MustCtl(
      {"cluster", "deploy", kRefusedName, kVersion, file("[\"--web.enable-lifecycle\"]"), "--yes"});
  const auto has = [&](const std::string& text, const std::string& path) {
    return site.lab().Ssh("h1", fmt::format("grep -c -- '{}' /dm-deploy/{} || true", text, path)) !=
           "0\n";
  };
  CHECK(has("web.enable-lifecycle", "prometheus-9090/scripts/run_prometheus.sh"));
  CHECK(has("\"password\": 0123456", "prometheus-9090/conf/prometheus.yml"));
  CHECK(has("default_language = `1.10`", "grafana-3000/conf/grafana.ini"));
  CHECK_THAT(site.MustCtl({"cluster", "show-config", kRefusedName}).out,
             Catch::Contains("users.default_language: 1.10\n"));
  site.MustCtl({"cluster", "start", kRefusedName});
  site.MustCtl({"cluster", "edit-config", kRefusedName, "--yes", "--file", file("[]")});
  site.MustCtl({"cluster", "reload", kRefusedName, "--yes"});
  CHECK_FALSE(has("web.enable-lifecycle", "prometheus-9090/scripts/run_prometheus.sh"));
  CHECK(site.IsHealthy(kRefusedName));
  site.MustCtl({"cluster", "destroy", kRefusedName, "--yes"});
}

}  // namespace
}  // namespace dmgr::testing
