// An upgrade of a cluster that is in use, on real hosts.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "tests/lab/poller.h"
#include "tests/lab/sabotage.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kNewVersion[] = "v7.5.2";

// Instances of DM by the version that they run.
std::map<std::string, int> Versions(Site& site) {
  std::map<std::string, int> versions;
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    const std::string component = ComponentOf(instance);
    if (component.rfind("dm-", 0) == 0) ++versions[instance["version"]];
  }
  return versions;
}

std::string Tree(Site& site, const std::string& version) {
  return site.daemon().dir() / "data/cluster" / kDemo / version;
}

// A demo cluster of the old version.
void Begin(Site& site) {
  site.EnsurePackage(kNewVersion);
  if (site.Exists(kDemo) && site.Status()["version"] != kVersion) site.EnsureNoCluster();
  site.EnsureDemo();
}

// The dm-master of h2 does not start with the new version.
Sabotage SabotageMaster(Site& site) {
  return {site, "h2", "dm-master-8261", "dm-master", kNewVersion};
}

void CheckPaused(Site& site, const Result& failed) {
  CHECK(failed.exit_code == 1);
  INFO(failed.out + failed.err);
  CHECK_THAT(failed.out + failed.err, Catch::Contains("runs v7.5.1 again") &&
                                          Catch::Contains("operation resume") &&
                                          Catch::Contains("operation rollback"));
  // The cluster is whole, the node at fault is of the old version, and the record says so.
  const json status = site.Status();
  INFO(status.dump(2));
  CHECK(status["healthy"] == true);
  CHECK(status["version"] == kVersion);
  const std::string host = site.Address("h2");
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance) == "dm-master" && instance["host"] == host) {
      CHECK(instance["version"] == kVersion);
    }
    if (ComponentOf(instance) == "dm-worker") CHECK(instance["version"] == kVersion);
  }
  // A part that is stopped would take the cluster from it: neither would be possible any more.
  const auto part = site.Ctl({"cluster", "stop", kDemo, "--role", "grafana", "--yes"});
  CHECK(part.exit_code == 3);
  CHECK_THAT(part.err, Catch::Contains("operation rollback"));
}

TEST_CASE("versions are compared before anything is done", "[lab][upgrade]") {
  Site& site = Site::Get();
  Begin(site);
  const auto same = site.Ctl({"cluster", "upgrade", kDemo, kVersion, "--yes"});
  CHECK(same.exit_code == 3);
  CHECK_THAT(same.err, Catch::Contains("already"));
  const auto unknown = site.Ctl({"cluster", "upgrade", kDemo, "v9.9.9", "--yes"});
  CHECK(unknown.exit_code != 0);
  CHECK_THAT(unknown.err, Catch::Contains("v9.9.9"));
  const auto running = site.Ctl({"cluster", "upgrade", kDemo, kNewVersion, "--offline", "--yes"});
  CHECK(running.exit_code == 3);
  CHECK(site.Status()["active_operation_id"] == "");
}

TEST_CASE("an upgrade whose second dm-master fails is rolled back", "[lab][upgrade]") {
  Site& site = Site::Get();
  Begin(site);
  const auto before = SettledTrees(site);
  Sabotage sabotage = SabotageMaster(site);
  CheckPaused(site, site.Ctl({"cluster", "upgrade", kDemo, kNewVersion, "--yes"}));
  sabotage.Mend();
  site.MustCtl({"operation", "rollback", NewestOperation(site)});
  CHECK(site.IsHealthy());
  CHECK(Versions(site) == std::map<std::string, int>{{kVersion, 6}});
  CheckEqual(before, SettledTrees(site));
  CHECK_FALSE(std::filesystem::exists(Tree(site, kNewVersion)));
}

TEST_CASE("an upgrade whose second dm-master fails goes on when it is mended", "[lab][upgrade]") {
  Site& site = Site::Get();
  Begin(site);
  // Edited by hand: the upgrade keeps it.
  const std::string edited = "/conf/alertmanager.yml";
  const std::string old_file = Tree(site, kVersion) + edited;
  std::string text;
  {
    std::ifstream in(old_file);
    text = {std::istreambuf_iterator<char>(in), {}};
  }
  std::ofstream(old_file, std::ios::app) << "# mine\n";
  Poller poller(site);
  Sabotage sabotage = SabotageMaster(site);
  CheckPaused(site, site.Ctl({"cluster", "upgrade", kDemo, kNewVersion, "--yes"}));
  sabotage.Mend();
  site.MustCtl({"operation", "resume", NewestOperation(site)});
  const auto gaps = poller.Stop();
  WARN(fmt::format("upgrade with a failure: {} answers, longest gap without a leader {} ms",
                   gaps.answers, gaps.longest.count()));
  CHECK(gaps.longest < std::chrono::seconds(3));
  CHECK(site.IsHealthy());
  CHECK(site.Status()["version"] == kNewVersion);
  CHECK(Versions(site) == std::map<std::string, int>{{kNewVersion, 6}});
  std::ifstream in(Tree(site, kNewVersion) + edited);
  const std::string kept{std::istreambuf_iterator<char>(in), {}};
  CHECK(kept == text + "# mine\n");
  CHECK_FALSE(std::filesystem::exists(Tree(site, kVersion)));
  // The old release is nobody's any more; what did not change is still there.
  for (const auto& host : Site::Hosts()) {
    // dm-master, dm-worker and one of the monitoring.
    CHECK(site.lab().Ssh(host, "ls /.dmgr/releases | wc -l") == "3\n");
  }
}

TEST_CASE("a stopped cluster goes back to the old version, when told to", "[lab][upgrade]") {
  Site& site = Site::Get();
  site.EnsurePackage(kNewVersion);
  if (!site.Exists(kDemo) || site.Status()["version"] != kNewVersion) {
    Begin(site);
    site.MustCtl({"cluster", "upgrade", kDemo, kNewVersion, "--yes"});
  }
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  const auto refused = site.Ctl({"cluster", "upgrade", kDemo, kVersion, "--offline", "--yes"});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("--allow-downgrade"));
  site.MustCtl({"cluster", "upgrade", kDemo, kVersion, "--offline", "--allow-downgrade", "--yes"});
  CHECK(site.Status()["version"] == kVersion);
  CHECK(site.Status()["state"] == "CLUSTER_STATE_OFFLINE");
  site.MustCtl({"cluster", "start", kDemo});
  CHECK(site.IsHealthy());
  CHECK(Versions(site) == std::map<std::string, int>{{kVersion, 6}});
}

}  // namespace
}  // namespace dmgr::testing
