// What an operator can do while a host is dead, and what becomes of the host when it is back.
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/program.h"
#include "tests/lab/refusal.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using Args = std::vector<std::string>;

constexpr char kNext[] = "v7.5.2";
constexpr char kSkip[] = "--skip-unreachable";
constexpr char kBusyHost[] = "h3";

// Cuts the power of h3 for as long as it lives.
class Outage {
 public:
  explicit Outage(Site& site) : site_(site) { site_.lab().PowerCut(kBusyHost); }
  ~Outage() { End(); }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;
  void End() {
    if (!over_) site_.lab().Start(kBusyHost);
    over_ = true;
  }

 private:
  Site& site_;
  bool over_ = false;
};

Result Skipping(Site& site, Args args) {
  args.emplace_back(kSkip);
  args.emplace_back("--yes");
  return site.MustCtl(args);
}

std::set<std::string> BehindHosts(Site& site) {
  std::set<std::string> hosts;
  const json status = site.Status();
  for (const auto& one : status["behind_machines"]) {
    hosts.insert(site.HostAt(one["machine_id"]));
  }
  return hosts;
}

// Whether the instances of these hosts are healthy.
bool AreHealthy(Site& site, const std::set<std::string>& hosts) {
  return Eventually(
      [&] {
        const json status = site.Status();
        for (const auto& instance : status["instances"]) {
          if (hosts.contains(site.HostAt(instance["host"])) && instance["healthy"] != true) {
            return false;
          }
        }
        return true;
      },
      std::chrono::seconds(20));
}

// Units of kDemo that run on a host, by systemd.
int Running(Site& site, const std::string& host) {
  return std::stoi(site.lab().Ssh(
      host, "systemctl list-units --no-legend --state=active 'dm-*' 'grafana-*' | wc -l"));
}

// Back at the record, by what one command did.
void CheckWhole(Site& site) {
  CHECK(BehindHosts(site).empty());
  CHECK(site.IsHealthy());
}

// Without the option the command names the host and the option, and changes nothing.
void CheckNamed(Site& site, Args args) {
  args.emplace_back("--yes");
  const Unchanged unchanged(&site, kBusyHost);
  const auto began = Clock::now();
  const Result refused = site.Ctl(args);
  const auto took = Clock::now() - began;
  CAPTURE(fmt::format("{}", fmt::join(args, " ")));
  CheckRefused(refused, kRefused, {site.Address(kBusyHost), "not answer"});
  CheckRemedy(refused, kSkip);
  CHECK(took < std::chrono::seconds(20));
  unchanged.Check();
}

TEST_CASE("a dead host is left out of a stop and a start, and comes back by the next start",
          "[lab][behind]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  Outage outage(site);
  CheckNamed(site, {"cluster", "stop", kDemo});
  const Result stopped = Skipping(site, {"cluster", "stop", kDemo});
  CHECK_THAT(stopped.out, Catch::Contains("left out: " + site.Address(kBusyHost)));
  CHECK(Running(site, "h1") == 0);
  CHECK(Running(site, "h2") == 0);
  CHECK(site.Status()["state"] == "CLUSTER_STATE_OFFLINE");
  CHECK(BehindHosts(site) == std::set<std::string>{kBusyHost});
  const std::string repair = fmt::format("dmgrctl cluster repair {}", kDemo);
  for (const Args& args : {Args{"cluster", "status", kDemo}, Args{"cluster", "show", kDemo},
                           Args{"cluster", "list"}}) {
    CHECK_THAT(site.MustCtl(args).out,
               Catch::Contains("behind: " + site.Address(kBusyHost)) && Catch::Contains(repair));
  }
  CheckNamed(site, {"cluster", "start", kDemo});
  Skipping(site, {"cluster", "start", kDemo});
  CHECK(AreHealthy(site, {"h1", "h2"}));
  Skipping(site, {"cluster", "stop", kDemo});

  // It boots with what it ran, of a cluster that is stopped.
  outage.End();
  CHECK(Eventually([&] { return Running(site, kBusyHost) > 0; }, std::chrono::seconds(30)));
  site.MustCtl({"cluster", "repair", kDemo, "--yes"});
  CHECK(Running(site, kBusyHost) == 0);
  CHECK(BehindHosts(site).empty());
  site.MustCtl({"cluster", "start", kDemo});
  CheckWhole(site);
}

TEST_CASE("a dead host is left out of all that changes a running cluster, and repaired",
          "[lab][behind]") {
  Site& site = Site::Get();
  site.EnsurePackage(kNext);
  if (site.Exists(kDemo) && site.Status()["version"] != kVersion) site.EnsureNoCluster();
  site.EnsureDemo();
  const std::string program = Program(site, "dm-worker", "dm-worker-night");
  const std::vector<Args> changes = {{"cluster", "restart", kDemo},
                                     {"cluster", "disable", kDemo},
                                     {"cluster", "enable", kDemo},
                                     {"cluster", "reload", kDemo},
                                     {"cluster", "patch", kDemo, program, "--role", "dm-worker"},
                                     {"cluster", "patch", kDemo, "--revert"},
                                     {"cluster", "upgrade", kDemo, kNext}};
  Outage outage(site);
  CheckNamed(site, changes.front());
  for (const auto& args : changes) {
    Skipping(site, args);
    CHECK(AreHealthy(site, {"h1", "h2"}));
  }
  outage.End();
  const Result dry = site.MustCtl({"cluster", "repair", kDemo, "--dry-run"});
  CHECK_THAT(dry.out, Catch::Contains("plan: repair demo"));
  site.MustCtl({"cluster", "repair", kDemo, "--yes"});
  CheckWhole(site);
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance).starts_with("dm-")) CHECK(instance["version"] == kNext);
  }
}

TEST_CASE("a host that dies in the middle is left out by one command, and comes back",
          "[lab][behind]") {
  Site& site = Site::Get();
  site.EnsurePackage(kNext);
  if (site.Exists(kDemo) && site.Status()["version"] != kVersion) site.EnsureNoCluster();
  site.EnsureDemo();
  site.MustCtl({"cluster", "upgrade", kDemo, kNext, "--yes", "--detach"});
  Outage outage(site);
  const Result failed = site.Ctl({"operation", "watch", NewestOperation(site)});
  INFO(failed.out + failed.err);
  REQUIRE(failed.exit_code == 1);
  CHECK_THAT(failed.err,
             Catch::Contains("operation resume") &&
                 Catch::Contains(fmt::format("cluster upgrade {} {} {}", kDemo, kNext, kSkip)));
  Skipping(site, {"cluster", "upgrade", kDemo, kNext});
  CHECK(AreHealthy(site, {"h1", "h2"}));
  CHECK(BehindHosts(site) == std::set<std::string>{kBusyHost});
  outage.End();
  site.MustCtl({"cluster", "restart", kDemo, "--role", "dm-worker", "--yes"});
  CheckWhole(site);
}

TEST_CASE("a dead dm-master of a stopped cluster is taken away after a start of what lives",
          "[lab][behind]") {
  Site& site = Site::Get();
  if (site.Exists(kDemo) && site.Status()["version"] != kVersion) site.EnsureNoCluster();
  site.EnsureDemo();
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  Outage outage(site);
  const std::string node = site.Address(kBusyHost) + ":8261";
  const Args leave = {"cluster", "scale-in", kDemo, "--node", node, "--force", "--yes"};
  const Result refused = site.Ctl(leave);
  CHECK(refused.exit_code == kRefused);
  CheckRemedy(refused, fmt::format("dmgrctl cluster start {} {}", kDemo, kSkip));
  Skipping(site, {"cluster", "start", kDemo});
  // A dm-worker comes to a host that lives, whoever is dead.
  const std::string file = site.WriteFile(
      "one-more.yaml",
      fmt::format("worker_servers:\n  - host: {}\n    port: 9262\n", site.Address("h2")));
  site.MustCtl({"cluster", "scale-out", kDemo, file, "--yes"});
  site.MustCtl(leave);
  CHECK(AreHealthy(site, {"h1", "h2"}));
  outage.End();
  site.lab().Ssh(kBusyHost, "systemctl disable --now dm-master-8261 2>/dev/null || true");
  site.MustCtl({"cluster", "repair", kDemo, "--yes"});
  CheckWhole(site);
  site.EnsureNoCluster();
}

}  // namespace
}  // namespace dmgr::testing
