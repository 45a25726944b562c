// Restarts of a cluster that is in use, on real hosts.
#include <fmt/format.h>

#include "tests/lab/poller.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

json NewestSteps(Site& site) {
  const auto list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  return site.Json(
      {"operation", "show", list["operations"][0]["operation_id"]})["operation"]["steps"];
}

TEST_CASE("a restart takes one instance after another, and the API answers meanwhile",
          "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  const std::string leader = LeaderOf(site);
  Poller poller(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes"});
  const auto gaps = poller.Stop();
  CHECK(site.IsHealthy());
  for (const auto& [unit, pid] : Processes(site)) {
    INFO(unit);
    CHECK(pid != before.at(unit));
  }
  WARN(fmt::format("rolling restart: {} answers, longest gap without a leader {} ms", gaps.answers,
                   gaps.longest.count()));
  CHECK(gaps.longest < std::chrono::seconds(3));
  const json steps = NewestSteps(site);
  for (const auto& step : steps) {
    INFO(step.dump());
    CHECK(step["state"] == "STEP_STATE_SUCCEEDED");
    CHECK(step["attempts"] == 1);
  }
  CHECK(LeaderOf(site) != leader);
}

TEST_CASE("a restart of some leaves the others alone", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker", "--node",
                site.Address("h2") + ":8262"});
  int changed = 0;
  for (const auto& [unit, pid] : Processes(site)) changed += pid != before.at(unit) ? 1 : 0;
  CHECK(changed == 1);
}

TEST_CASE("all at once stops everything and starts it", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once"});
  CHECK(site.IsHealthy());
  for (const auto& [unit, pid] : Processes(site)) CHECK(pid != before.at(unit));

  // One that is stopped cannot be taken one by one.
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  const auto refused = site.Ctl({"cluster", "restart", kDemo, "--yes"});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("--all-at-once"));
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once"});
  CHECK(site.IsHealthy());
  CHECK(site.Status()["state"] == "CLUSTER_STATE_UP");
}

TEST_CASE("restarts may follow each other at once", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  // systemd refuses the sixth start in ten seconds, unless it is told that they were wanted.
  for (int i = 0; i < 8; ++i) {
    site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once", "--node",
                  site.Address("h2") + ":8262"});
    site.MustCtl({"cluster", "restart", kDemo, "--yes", "--node", site.Address("h3") + ":8262"});
  }
  CHECK(site.IsHealthy());
}

TEST_CASE("a restart that fails in the middle goes on where it stopped", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  // The worker of h2 does not come up.
  const std::string unit = "dm-worker-8262.service";
  const std::string drop_in = "/etc/systemd/system/" + unit + ".d";
  site.lab().Ssh("h2",
                 fmt::format("mkdir -p {0} && printf '[Service]\\nExecStartPre=/bin/false\\n' "
                             "> {0}/broken.conf && systemctl daemon-reload",
                             drop_in));
  const auto failed = site.Ctl({"cluster", "restart", kDemo, "--yes"});
  CHECK(failed.exit_code == 1);
  const auto list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  const std::string id = list["operations"][0]["operation_id"];
  site.lab().Ssh("h2", fmt::format("rm -r {} && systemctl daemon-reload", drop_in));
  const auto before = Processes(site);
  site.MustCtl({"operation", "resume", id});
  CHECK(site.IsHealthy());
  const auto after = Processes(site);
  // What was finished was not taken again.
  for (const auto& [name, pid] : after) {
    if (name.find("dm-master") == std::string::npos) continue;
    INFO(name);
    CHECK(pid == before.at(name));
  }
}

}  // namespace
}  // namespace dmgr::testing
