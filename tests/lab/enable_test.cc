// Whether instances are started when their hosts boot.
#include <set>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

// The units of kDemo that systemd starts at boot, as "host/unit".
std::set<std::string> Enabled(Site& site) {
  std::set<std::string> enabled;
  const nlohmann::json status = site.Status();
  for (const auto& instance : status["instances"]) {
    const std::string unit = instance["unit"];
    const std::string host = site.HostAt(instance["host"]);
    const auto word = site.lab().Ssh(host, "systemctl is-enabled " + unit + " || true");
    CHECK(instance["enabled"] == (word == "enabled\n"));
    if (word == "enabled\n") enabled.insert(host + "/" + unit);
  }
  return enabled;
}

TEST_CASE("instances are started at boot, or not", "[lab][enable]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto all = Enabled(site);
  CHECK(all.size() == 9);
  const auto trees = SettledTrees(site);
  const auto pids = Processes(site);

  site.MustCtl({"cluster", "disable", kDemo, "--role", "dm-worker", "--yes"});
  CHECK(Enabled(site).size() == 6);
  CHECK(site.IsHealthy());
  // A restart leaves it so.
  site.MustCtl({"cluster", "restart", kDemo, "--role", "dm-worker", "--yes"});
  CHECK(Enabled(site).size() == 6);
  site.MustCtl({"cluster", "disable", kDemo, "--yes"});
  CHECK(Enabled(site).empty());
  site.MustCtl({"cluster", "enable", kDemo, "--yes"});
  CHECK(Enabled(site) == all);
  CheckEqual(trees, SettledTrees(site));
  for (const auto& [unit, pid] : Processes(site)) {
    INFO(unit);
    CHECK((pid == pids.at(unit)) == (unit.find("dm-worker") == std::string::npos));
  }
}

}  // namespace
}  // namespace dmgr::testing
