// What an operator does to a cluster on a quiet day: logs and data go, the key is another one.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/lab/refusal.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

constexpr char kMasterData[] = "/dm-data/dm-master-8261/data";

// Files in the log and data directories of a host.
std::string Logs(Site& site, const std::string& host) {
  return site.lab().Ssh(host, "find /dm-deploy/*/log -type f");
}
std::string Data(Site& site, const std::string& host) {
  return site.lab().Ssh(host, "find /dm-data -type f");
}
std::string Dirs(Site& site, const std::string& host) {
  return site.lab().Ssh(host, "stat -c '%n %U:%G %a' /dm-deploy/*/log /dm-data/*/data");
}

// Becomes so soon: a Prometheus that was started or told of others looks for them by and by.
bool IsAsRecorded(Site& site, const std::string& cluster = kDemo) {
  return Eventually(
      [&] {
        return site.Ctl({"cluster", "verify", cluster}).exit_code == 0;
      },
      std::chrono::seconds(60));
}

TEST_CASE("a stopped cluster loses logs and data, keeps its directories, and starts as a new one",
          "[lab][care]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto clean = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"cluster", "clean", kDemo, "--yes"});
    return site.Ctl(args);
  };
  CheckRefused(clean({"--logs"}), kRefused, {"not stopped"});
  CheckRefused(clean({}), kBadInput, {"--logs", "--data", "--all"});
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  const std::string h1 = site.Address("h1");
  CheckRefused(clean({"--data", "--node", h1}), kRefused, {"dm-masters", "of all"});
  // It is on one of them.
  for (const auto& host : Site::Hosts()) {
    site.lab().Ssh(host, "systemctl start grafana-3000 2>/dev/null || true");
  }
  CheckRefused(clean({"--all"}), kRefused, {"grafana", "runs on"});
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});

  const auto plan = site.MustCtl({"cluster", "clean", kDemo, "--all", "--dry-run"});
  CHECK_THAT(plan.out,
             Catch::Contains(kMasterData) && Catch::Contains("/dm-deploy/dm-worker-8262/log"));
  REQUIRE(Logs(site, "h1") != "");
  const std::string dirs = Dirs(site, "h1");
  const std::string data = Data(site, "h1");
  REQUIRE_THAT(data, Catch::Contains(kMasterData));
  const std::string elsewhere = Logs(site, "h2");
  CHECK(clean({"--logs", "--node", h1}).exit_code == 0);
  CHECK(Logs(site, "h1") == "");
  CHECK(Logs(site, "h2") == elsewhere);
  CHECK(Data(site, "h1") == data);

  const std::string mine = std::string(kMasterData) + "/mine.sql";
  site.lab().Ssh("h1", "echo x > " + mine);
  const Result all = clean({"--all"});
  INFO(all.out << all.err);
  CHECK(all.exit_code == 0);
  CHECK_THAT(all.out + all.err, Catch::Contains(mine));
  CHECK(Data(site, "h1") == mine + "\n");
  CHECK(Dirs(site, "h1") == dirs);
  for (const char* host : {"h2", "h3"}) {
    CHECK(Logs(site, host) == "");
    CHECK(Data(site, host) == "");
  }
  site.lab().Ssh("h1", "rm " + mine);
  site.MustCtl({"cluster", "start", kDemo});
  CHECK(site.IsHealthy());
  CHECK(IsAsRecorded(site));
}

// The keys that the cluster's user lets in.
std::string Keys(Site& site, const std::string& host) {
  return site.lab().Ssh(host, "cat ~tidb/.ssh/authorized_keys");
}

TEST_CASE("a running cluster gets another key; a host that was away gets it by a repair",
          "[lab][care]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string old = Keys(site, "h1");
  CHECK_THAT(old, Catch::Contains(" dmgr:demo:"));
  const std::string foreign = "ssh-ed25519 AAAA somebody\n";
  site.lab().Ssh("h1", "echo 'ssh-ed25519 AAAA somebody' >> ~tidb/.ssh/authorized_keys");
  const auto processes = Processes(site);
  site.MustCtl({"cluster", "rotate-key", kDemo, "--yes"});
  const std::string second = Keys(site, "h2");
  CHECK(second != old);
  CHECK(std::count(second.begin(), second.end(), '\n') == 1);
  CHECK(Keys(site, "h1") == foreign + second);
  CHECK(Keys(site, "h3") == second);
  CHECK(Processes(site) == processes);

  const std::string h3 = site.Address("h3");
  site.lab().PowerCut("h3");
  CheckRefused(site.Ctl({"cluster", "rotate-key", kDemo, "--yes"}), kRefused,
               {h3, "--skip-unreachable"});
  CHECK(Keys(site, "h2") == second);
  site.MustCtl({"cluster", "rotate-key", kDemo, "--skip-unreachable", "--yes"});
  const std::string third = Keys(site, "h2");
  CHECK(third != second);
  CHECK(site.Status()["behind_machines"].size() == 1);
  site.lab().Start("h3");
  site.lab().Wait("h3");
  CHECK(Keys(site, "h3") == second);
  site.MustCtl({"cluster", "repair", kDemo, "--yes"});
  CHECK(Keys(site, "h3") == third);
  CHECK(site.Status()["behind_machines"].empty());
  CHECK(IsAsRecorded(site));
  site.lab().Ssh("h1", "sed -i /somebody/d ~tidb/.ssh/authorized_keys");
}

// The names that Grafana's database has.
std::vector<std::string> DataSources(Site& site) {
  std::string stored;
  for (const auto& host : Site::Hosts()) {
    stored += site.lab().Ssh(
        host,
        "find /dm-deploy /dm-data -name data_sources.json -exec cat {} + 2>/dev/null || true");
  }
  std::vector<std::string> names;
  const auto sources = nlohmann::json::parse(stored);
  for (const auto& [name, uid] : sources.items()) names.push_back(name);
  return names;
}

TEST_CASE("a running cluster gets another name, and its monitoring by a reload", "[lab][care]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto processes = Processes(site);
  CheckRefused(site.Ctl({"cluster", "rename", kDemo, kDemo, "--yes"}), kRefused, {"exists"});
  const Result renamed = site.MustCtl({"cluster", "rename", kDemo, "orders", "--yes"});
  CHECK_THAT(renamed.err, Catch::Contains("cluster reload orders"));
  CHECK(Processes(site, "orders") == processes);
  CHECK_FALSE(site.Exists(kDemo));
  CHECK(site.IsHealthy("orders"));
  site.MustCtl({"cluster", "reload", "orders", "--yes"});
  CHECK(site.IsHealthy("orders"));
  std::string labels;
  for (const auto& host : Site::Hosts()) {
    labels += site.lab().Ssh(
        host,
        "cat /dm-deploy/prometheus-9090/conf/prometheus.yml 2>/dev/null | grep cluster: || true");
  }
  CHECK_THAT(labels, Catch::Contains("orders"));
  CHECK(DataSources(site) == std::vector<std::string>{"orders"});
  CHECK(IsAsRecorded(site, "orders"));
  site.MustCtl({"cluster", "rename", "orders", kDemo, "--yes"});
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  CHECK(site.IsHealthy());
  CHECK(DataSources(site) == std::vector<std::string>{kDemo});
}

}  // namespace
}  // namespace dmgr::testing
