// What an operator does to a cluster on a quiet day: logs and data go, the key is another one.
#include <fmt/format.h>

#include <algorithm>
#include <set>
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

TEST_CASE("a stopped cluster loses logs and data, keeps its directories, and starts as a new one",
          "[lab][night][care]") {
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
  site.lab().Ssh("h2", "systemctl start grafana-3000 || systemctl start dm-worker-8262");
  CheckRefused(clean({"--all"}), kRefused, {"runs on " + site.Address("h2")});
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
  CHECK(site.Ctl({"cluster", "verify", kDemo}).exit_code == 0);
}

}  // namespace
}  // namespace dmgr::testing
