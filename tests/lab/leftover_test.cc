// What is given up on hosts that died, and removed when they are back.
#include <fmt/format.h>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

json MachineOf(Site& site, const std::string& host) {
  return site.Json({"machine", "show", site.Address(host)})["machine"];
}

// Nothing of dmgr but the fence, no unit, no process, no account.
void CheckBare(Site& site, const std::string& host) {
  INFO(host);
  const auto& lab = site.lab();
  CHECK(lab.Ssh(host,
                "systemctl list-units --all --no-legend 'dm-*.service' 'prometheus*' 'grafana*' "
                "'alertmanager*'") == "");
  CHECK(lab.Ssh(host, "find /var/lib/dmgr -type f -not -path '/var/lib/dmgr/fence/*'") == "");
  CHECK(lab.Ssh(host, "ls -d /dm-deploy /dm-data /.dmgr /home/tidb 2>/dev/null || true") == "");
  CHECK(lab.Ssh(host, "getent passwd tidb || true") == "");
}

// dmgrctl fails, and says how to go on.
void CheckRefused(Site& site, const std::vector<std::string>& args,
                  const std::vector<std::string>& words) {
  const Result refused = site.Ctl(args);
  INFO(fmt::format("dmgrctl {}:\n{}{}", fmt::join(args, " "), refused.out, refused.err));
  CHECK(refused.exit_code != 0);
  for (const auto& word : words) CHECK_THAT(refused.err, Catch::Contains(word));
}

void PowerCut(Site& site, const std::vector<std::string>& hosts) {
  for (const auto& host : hosts) site.lab().PowerCut(host);
}

void Revive(Site& site, const std::vector<std::string>& hosts) {
  for (const auto& host : hosts) {
    site.lab().Start(host);
    site.lab().Wait(host);
  }
}

TEST_CASE("a cluster with a dead host is destroyed by force, and the host cleaned when it is back",
          "[lab][leftover]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.EnsureDemo();
  const std::string h3 = site.Address("h3");
  PowerCut(site, {"h3"});

  // Before anything changes.
  CheckRefused(site, {"cluster", "destroy", kDemo, "--yes"}, {h3, "cluster destroy demo --force"});
  CHECK(site.Status()["state"] == "CLUSTER_STATE_UP");
  const auto plan = site.MustCtl({"cluster", "destroy", kDemo, "--force", "--dry-run"});
  CHECK_THAT(plan.out, Catch::Contains("/dm-deploy/dm-master-8261") &&
                           Catch::Contains("user tidb") && Catch::Contains("what stays on " + h3));
  const auto destroyed = site.MustCtl({"cluster", "destroy", kDemo, "--force", "--yes"});
  CHECK_THAT(destroyed.out, Catch::Contains(h3));
  CHECK_FALSE(site.Exists(kDemo));
  CheckBare(site, "h1");
  CheckBare(site, "h2");

  // Remembered, and in nobody's way.
  const json left = MachineOf(site, "h3")["leftovers"];
  REQUIRE(left.size() == 1);
  CHECK(left[0]["cluster_name"] == kDemo);
  CHECK(left[0]["units"].size() == 3);
  CHECK_THAT(site.MustCtl({"machine", "list"}).out, Catch::Contains("machine clean " + h3));
  CheckRefused(site, {"machine", "remove", h3, "--yes"}, {kDemo, "machine clean " + h3});
  CheckRefused(site, {"machine", "clean", h3, "--yes"}, {h3});

  Revive(site, {"h3"});
  // It starts again by itself.
  CHECK(Eventually(
      [&] {
        return site.lab().Ssh("h3", "systemctl is-active dm-worker-8262 || true") == "active\n";
      },
      std::chrono::seconds(30)));
  CHECK_THAT(site.Ctl({"machine", "check", h3}).out, Catch::Contains("leftovers"));
  CheckRefused(site, {"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"},
               {"machine clean " + h3});
  const auto shown = site.MustCtl({"machine", "clean", h3, "--dry-run"});
  CHECK_THAT(shown.out, Catch::Contains("dm-worker-8262.service"));
  CHECK(MachineOf(site, "h3")["leftovers"].size() == 1);
  const auto cleaned = site.MustCtl({"machine", "clean", h3, "--yes"});
  CHECK_THAT(cleaned.out, Catch::Contains("/dm-data/dm-worker-8262"));
  CheckBare(site, "h3");
  CHECK(MachineOf(site, "h3")["leftovers"].empty());
  site.MustCtl({"machine", "clean", h3, "--yes"});
  site.EnsureDemo();
  CHECK(site.IsHealthy());
}

TEST_CASE("a cluster whose majority of dm-masters is dead is destroyed by force",
          "[lab][leftover]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  PowerCut(site, {"h2", "h3"});
  CheckRefused(site, {"cluster", "destroy", kDemo, "--yes"},
               {site.Address("h2"), site.Address("h3"), "--force"});
  site.MustCtl({"cluster", "destroy", kDemo, "--force", "--yes"});
  CHECK_FALSE(site.Exists(kDemo));
  CheckBare(site, "h1");
  Revive(site, {"h2", "h3"});
  for (const char* host : {"h2", "h3"}) {
    site.MustCtl({"machine", "clean", site.Address(host), "--yes"});
    CheckBare(site, host);
  }
}

TEST_CASE("a destroy that failed and was abandoned is done by one with force", "[lab][leftover]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto begun = site.MustCtl({"cluster", "destroy", kDemo, "--yes", "--detach"});
  PowerCut(site, {"h3"});
  const std::string operation =
      site.Json({"cluster", "show", kDemo})["cluster"].value("active_operation_id", "");
  if (!operation.empty()) {
    CHECK(site.Ctl({"operation", "watch", operation}).exit_code != 0);
    site.MustCtl({"operation", "abandon", operation, "--yes"});
  }
  CheckRefused(site, {"cluster", "start", kDemo}, {"cluster destroy demo"});
  CheckRefused(site, {"cluster", "destroy", kDemo, "--yes"}, {"--force"});
  site.MustCtl({"cluster", "destroy", kDemo, "--force", "--yes"});
  CHECK_FALSE(site.Exists(kDemo));
  Revive(site, {"h3"});
  site.MustCtl({"machine", "clean", site.Address("h3"), "--yes"});
  CheckBare(site, "h3");
}

// Members that DM has and the record has not.
json Ghosts(Site& site) { return site.Status()["ghost_members"]; }

TEST_CASE("what comes back after a scale-in by force is named, cleaned and pruned",
          "[lab][leftover]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string h3 = site.Address("h3");
  PowerCut(site, {"h3"});
  // Where it was the leader, the others elect another one first.
  REQUIRE(Eventually(
      [&] {
        return site.Ctl({"cluster", "scale-in", kDemo, "--node", h3 + ":8261", "--node",
                         h3 + ":8262", "--node", h3 + ":9093", "--force", "--yes"})
                   .exit_code == 0;
      },
      std::chrono::seconds(100)));
  CHECK_THAT(site.Ctl({"cluster", "status", kDemo}).out, Catch::Contains("machine clean " + h3));
  Revive(site, {"h3"});
  // Its dm-worker registers anew.
  CHECK(Eventually(
      [&] {
        for (const auto& ghost : Ghosts(site)) {
          if (ghost["component"] == "COMPONENT_DM_WORKER" && ghost["machine_id"] == h3) return true;
        }
        return false;
      },
      std::chrono::seconds(40)));
  site.MustCtl({"machine", "clean", h3, "--yes"});
  CheckBare(site, "h3");
  // DM keeps what has ended until it is told; what it takes for running it lets not go.
  CHECK(Eventually(
      [&] {
        return Ghosts(site).empty() ||
               site.Ctl({"cluster", "prune", kDemo, "--yes"}).exit_code == 0;
      },
      std::chrono::seconds(120)));
  CHECK(Ghosts(site).empty());
  CHECK(site.IsHealthy());
  site.EnsureNoCluster();
}

TEST_CASE("a home with somebody's file stays with its user, and is named", "[lab][leftover]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.EnsureDemo();
  site.lab().Ssh("h1", "su tidb -c 'echo x > ~/backup.sql'");
  const auto destroyed = site.MustCtl({"cluster", "destroy", kDemo, "--yes"});
  CHECK_THAT(destroyed.out,
             Catch::Contains("/home/tidb/backup.sql") && Catch::Contains("user tidb"));
  CHECK(site.lab().Ssh("h1", "cat ~tidb/backup.sql") == "x\n");
  CHECK(site.lab().Ssh("h1", "ls -d ~tidb/.ssh /etc/sudoers.d/dmgr-tidb 2>/dev/null || true") ==
        "");
  site.lab().Ssh("h1", "userdel -r tidb 2>/dev/null || true");
  for (const auto& host : Site::Hosts()) CheckBare(site, host);
}

}  // namespace
}  // namespace dmgr::testing
