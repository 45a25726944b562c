// What a cluster has on one host comes up on another one, whether or not the old one answers.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/lab/site.h"
#include "tests/lab/spare.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

// What runs on a host by the status, and by the status only what is healthy counts.
std::vector<std::string> ComponentsAt(Site& site, const std::string& address) {
  std::vector<std::string> components;
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (instance["host"] == address) components.push_back(instance["component"]);
  }
  return components;
}

// Where the source is bound.
std::string HostOfSource(Site& site, const std::string& source) {
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (instance["source"] == source) return instance["host"];
  }
  return "";
}

const std::vector<std::string>& OfThird() {
  static const std::vector<std::string> kOfThird = {"COMPONENT_DM_MASTER", "COMPONENT_DM_WORKER",
                                                    "COMPONENT_ALERTMANAGER"};
  return kOfThird;
}

TEST_CASE("what ran on a dead host comes up on another one, and moves back when it is alive",
          "[lab][move]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string old = site.Address("h3");
  const Spare spare(site);
  REQUIRE(HttpPost(fmt::format("http://{}:8261/api/v1/sources", site.Address("h1")),
                   R"({"source":{"source_name":"s1","host":"10.9.9.9","port":3306,"user":"u",)"
                   R"("password":"p"}})"));
  REQUIRE(Eventually([&] { return !HostOfSource(site, "s1").empty(); }));
  site.lab().PowerCut("h3");

  auto move = MoveOf(old, spare.address());
  const Result refused = site.Ctl(move);
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains(old) && Catch::Contains("--force"));
  move.emplace_back("--force");
  auto plan = move;
  plan.back() = "--dry-run";
  plan.emplace_back("--force");
  // Until DM has another leader, when it was the one that died.
  REQUIRE(Eventually([&] { return site.Ctl(plan).exit_code == 0; }, std::chrono::seconds(100)));
  CHECK_THAT(site.MustCtl(plan).out, Catch::Contains("with empty data"));
  const auto moved = site.MustCtl(move);
  CHECK_THAT(moved.out, Catch::Contains("machine " + old + " cannot be reached"));
  CHECK(site.IsHealthy());
  CHECK(ComponentsAt(site, spare.address()) == OfThird());
  CHECK(ComponentsAt(site, old).empty());
  CHECK(site.Status()["behind_machines"].empty());
  CHECK(site.Json({"machine", "show", old})["machine"]["leftovers"][0]["units"].size() == 3);
  CHECK(Eventually([&] { return !HostOfSource(site, "s1").empty(); }, std::chrono::seconds(90)));

  site.lab().Start("h3");
  site.lab().Wait("h3");
  site.MustCtl({"machine", "clean", old, "--yes"});
  // DM may have seen its dm-worker once more before that.
  CHECK(Eventually(
      [&] {
        return site.Status()["ghost_members"].empty() ||
               site.Ctl({"cluster", "prune", kDemo, "--yes"}).exit_code == 0;
      },
      std::chrono::seconds(120)));
  site.MustCtl(MoveOf(spare.address(), old));
  CHECK(site.IsHealthy());
  CHECK(ComponentsAt(site, old) == OfThird());
  CHECK(site.lab().Ssh("h4", "ls -d /dm-deploy /dm-data /home/tidb 2>/dev/null || true") == "");
  CHECK(site.lab().Ssh("h4", "getent passwd tidb || true") == "");
  CHECK(Eventually([&] { return !HostOfSource(site, "s1").empty(); }));
  site.EnsureNoCluster();
}

}  // namespace
}  // namespace dmgr::testing
