// Hosts as DM needs them: before a deploy, of a cluster, and what of it is set.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/lab/on_host.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kKept[] = "/etc/sysctl.d/90-dmgr.conf";

json CheckOf(const Site& site, std::vector<std::string> args) {
  args.insert(args.begin(), {"cluster", "check"});
  args.insert(args.end(), {"-o", "json"});
  const Result result = site.Ctl(args);
  INFO(result.err);
  const json answer = json::parse(result.out);
  CHECK(result.exit_code == (answer.value("ok", false) ? 0 : 1));
  return answer;
}

// "h1: what was seen" of each check of that name which has failed.
std::vector<std::string> FailuresOf(const Site& site, const json& answer, const std::string& name) {
  std::vector<std::string> lines;
  for (const auto& check : answer["checks"]) {
    const auto& item = check["item"];
    if (item["name"] != name || item["level"] != "LEVEL_FAILED") continue;
    lines.push_back(site.HostAt(check["machine_id"]) + ": " + item["message"].get<std::string>());
  }
  return lines;
}

std::size_t TunableIn(const json& answer) {
  const auto& checks = answer["checks"];
  return std::count_if(checks.begin(), checks.end(),
                       [](const json& check) { return check.value("tunable", false); });
}

TEST_CASE("hosts are checked before a deploy", "[lab][check]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string file = site.WriteTopology({.monitoring = false});
  const std::vector<std::string> args = {file, "--version", kVersion};
  const json free = CheckOf(site, args);
  INFO(free.dump(1));
  CHECK(FailuresOf(site, free, "free").empty());
  CHECK(FailuresOf(site, free, "ports").empty());
  {
    const OnHost taken(&site, "h2", "mkdir -p /dm-deploy/dm-worker-8262/theirs",
                       "rm -r /dm-deploy");
    const auto failures = FailuresOf(site, CheckOf(site, args), "free");
    REQUIRE(failures.size() == 1);
    CHECK_THAT(failures[0], Catch::StartsWith("h2: ") && Catch::Contains("dm-worker-8262"));
  }
  const std::string route = "ip route {} blackhole " + site.Address("h2");
  const OnHost cut(&site, "h1", fmt::format(fmt::runtime(route), "add"),
                   fmt::format(fmt::runtime(route), "del"));
  const auto failures = FailuresOf(site, CheckOf(site, args), "ports");
  // Neither does h2 get an answer from h1.
  REQUIRE(failures.size() == 2);
  CHECK_THAT(failures[0], Catch::StartsWith("h1: cannot reach " + site.Address("h2") + ":8261"));
  CHECK_THAT(failures[1], Catch::StartsWith("h2: cannot reach " + site.Address("h1") + ":8261"));
}

TEST_CASE("what hosts lack and can be set is set once, and a destroy leaves it so",
          "[lab][check]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  for (const auto& host : Site::Hosts()) {
    site.lab().Ssh(host, "sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_syncookies=1");
  }
  const json before = CheckOf(site, {kDemo});
  INFO(before.dump(1));
  // The kernel's other settings are not these hosts' own.
  CHECK(TunableIn(before) == 2 * Site::Hosts().size());
  site.MustCtl({"cluster", "check", kDemo, "--apply", "--yes"});
  CHECK(TunableIn(CheckOf(site, {kDemo})) == 0);
  CHECK_THAT(site.Ctl({"cluster", "check", kDemo, "--apply", "--yes"}).err,
             Catch::Contains("nothing is left that can be set"));
  site.EnsureNoCluster();
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "sysctl -n net.core.somaxconn net.ipv4.tcp_syncookies") ==
          "32768\n0\n");
    CHECK_THAT(site.lab().Ssh(host, fmt::format("cat {}", kKept)),
               Catch::Contains("Stays when the cluster is destroyed"));
    site.lab().Ssh(host, fmt::format("rm {} && sysctl -qw net.core.somaxconn=4096 "
                                     "net.ipv4.tcp_syncookies=1",
                                     kKept));
  }
}

}  // namespace
}  // namespace dmgr::testing
